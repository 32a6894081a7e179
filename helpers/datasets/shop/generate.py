"""Writes the shop's raw files, with the faults of a real export."""

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from helpers.datasets.shop.model import SEED, Parameters
from helpers.datasets.shop.play import Event, Play
from helpers.datasets.shop.words import CATEGORIES, DEVICES, THEMES
from helpers.datasets.shop.world import World, draw_world

TRAILING_BLANKS = 0.12
"""Share of titles that end in a blank."""


def write(folder: str | Path, seed: int = SEED, parameters: Parameters | None = None) -> None:
    """Generate the shop and write ``item.csv``, ``user.csv`` and ``user-item-interaction.json`` into ``folder``.

    The same seed and parameters give the same bytes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    world = draw_world(seed, parameters)
    _save(folder / "item.csv", "\ufeff" + items_csv(world, seed))
    _save(folder / "user.csv", users_csv(world))
    _save(folder / "user-item-interaction.json", interactions_json(world, Play(world, seed).run()))


def items_csv(world: World, seed: int = SEED) -> str:
    """Return the item file: some titles end in a blank, one is missing (new editions repeat titles anyway)."""
    items, rng = world.items, np.random.default_rng([seed, 4])
    titles = items.title.copy()
    titles[rng.random(len(titles)) < TRAILING_BLANKS] += " "
    titles[rng.integers(len(titles))] = ""
    rows = [["ITEM_ID", "ITEM_TITLE", "CATEGORY", "THEME", "PRICE", "CREATION_TIMESTAMP"]]
    for i, title in enumerate(titles):
        others = [c for c in np.flatnonzero(items.categories[i]) if c != items.main[i]]
        category = "|".join(CATEGORIES[c] for c in [items.main[i], *others])
        rows.append([items.ids[i], title, category, THEMES[items.theme[i]].name, f"{items.price[i]:.2f}", items.created[i]])
    return _csv(rows)


def users_csv(world: World) -> str:
    """Return the user file."""
    users = world.users
    return _csv([["user_id", "username", "age", "gender"], *zip(users.ids, users.username, users.age, users.gender, strict=True)])


def interactions_json(world: World, events: Iterable[Event]) -> str:
    """Return the log: a JSON array, one object a line."""
    lines = []
    for event in events:
        fields = {
            "user_id": int(world.users.ids[event.user]),
            "item_id": int(world.items.ids[event.item]),
            "timestamp": event.at,
            "event_type": "purchase" if event.buys else "view",
            "event_value": event.value,
            "device": DEVICES[event.device],
        }
        lines.append(json.dumps(fields, separators=(",", ":")))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _csv(rows: list) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _save(path: Path, text: str) -> None:
    """Write aside, then rename: the file is whole or not there."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(aside, path)
