"""The training of a solution version, in a process of its own.

The folder holds ``spec.json`` and the tables that the service put there; what is learned goes into ``FOLDER/trained``,
which appears whole or not at all. The process ends itself when its parent is gone (its standard input closes).
"""

import json
import os
import shutil
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd

from helpers import evaluation, recipes, segmentation
from helpers.datasets.dataset import MIN_INTERACTIONS, MIN_USERS, Dataset
from helpers.errors import InputError
from helpers.interactions import EVENT_TYPE
from helpers.personalize import data
from helpers.personalize.choosing import choose
from helpers.personalize.imports import read_parts
from helpers.recipes.base import USER_SEGMENTATION
from helpers.recipes.objective import Favouring
from helpers.schemas import Schema

TRAINED = "trained"
SPEC, SUMMARY, FAULT = "spec.json", "summary.json", "fault.txt"


def train(folder: Path) -> None:
    """Train what ``spec.json`` describes: settle hyperparameters, measure on hidden users, fit on everything, write both.

    With a ``base``, the folder of an earlier version's model, that is updated instead; its metrics stay.

    Raises:
        InputError: too little data, or hyperparameters that the recipe does not accept.
    """
    start = time.perf_counter()
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    known = read_dataset(folder, spec)
    recipe, found = choose(known, spec)
    if spec.get("base"):
        measured, model = spec["metrics"], recipes.load(spec["base"]).update(known)
        model = recipe.tilt(model, known) if isinstance(recipe, Favouring) else model
    else:
        measured, model = measure(known, recipe, spec["seed"]), recipe.fit(known, seed=spec["seed"])
    aside = folder / f".{TRAINED}-{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    model.save(aside / "model")
    write_histories(known, aside)
    hours = (time.perf_counter() - start) / 3600
    summary = found | {"metrics": measured, "trainingHours": hours, "hyperparameters": recipe.hyperparameters}
    (aside / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    os.replace(aside, folder / TRAINED)


def read_dataset(folder: Path, spec: dict[str, Any]) -> Dataset:
    """Return the data that the specification names, narrowed to its event type and value.

    Raises:
        InputError: too few interactions or users are left, in the service's words.
    """
    schemas = {kind: Schema.parse(document) for kind, document in spec["schemas"].items()}
    tables = {}
    for kind, schema in schemas.items():
        streamed = folder / f"{kind}.parquet"
        parts = [read_parts([Path(path) for path in spec["parts"][kind]])] if spec["parts"].get(kind) else []
        parts += [pd.read_parquet(streamed)] if streamed.exists() else []
        tables[kind] = data.join(schema, parts)
    interactions, words = _chosen(tables["Interactions"], spec["events"])
    if len(interactions) < MIN_INTERACTIONS:
        raise InputError(f"Dataset has fewer than {MIN_INTERACTIONS} interactions{words}")
    found = data.dataset(spec["name"], tables | {"Interactions": interactions.reset_index(drop=True)}, schemas)
    if (found.interactions.histories.lengths >= 2).sum() < MIN_USERS:
        raise InputError(f"Dataset has fewer than {MIN_USERS} users with at least 2 interactions each")
    return found


def _chosen(interactions: pd.DataFrame, events: list[dict[str, Any]]) -> tuple[pd.DataFrame, str]:
    """Return the interactions that are of one of these types, with at least its value, and the choice in words."""
    if not events:
        return interactions, ""
    types = interactions[EVENT_TYPE] if EVENT_TYPE in interactions else pd.Series("", interactions.index)
    kept, words = pd.Series(False, interactions.index), []
    for event in events:
        fits, said = pd.Series(True, interactions.index), []
        if event.get("type"):
            wanted = event["type"]
            fits &= (types.str.lower() == wanted.lower()) if event.get("any_case") else (types == wanted)
            said.append(f"after filtering by event type: {wanted}")
        if event.get("least"):
            fits &= interactions["EVENT_VALUE"] >= float(event["least"])
            said.append(f"with a value of at least {event['least']}")
        kept |= fits.fillna(False).astype(bool)
        words.append(", ".join(said))
    return interactions[kept], f" {'; or '.join(words)}"


def measure(known: Dataset, recipe: recipes.Recipe, seed: int) -> dict[str, float]:
    """Return the offline metrics, rounded to 4 places: of segments for recipes that find users, else of lists of items."""
    if recipe.type == USER_SEGMENTATION:
        record = segmentation.evaluate(segmentation.questions_for(recipe, known, seed), recipe)
    else:
        record = evaluation.evaluate(known, recipe, seed=seed)
    return {name: round(value, 4) for name, value in record.metrics.items()}


def write_histories(known: Dataset, folder: Path) -> None:
    """Write who did what, in the codes of the model, and the users' ids in code order."""
    events = known.interactions
    required = {"user": events.users.astype("int32"), "item": events.items, "time": events.timestamps}
    pd.DataFrame(required | {f"column:{name}": values for name, values in events.columns.items()}).to_parquet(
        folder / "events.parquet"
    )
    pd.DataFrame({"id": pd.Series(events.user_ids.ids, dtype="str")}).to_parquet(folder / "users.parquet")


def main(folder: str | Path) -> int:
    """Train as a process of its own; a fault of the input goes into ``fault.txt`` (exit code 2)."""
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        train(Path(folder))
    except InputError as fault:
        (Path(folder) / FAULT).write_text(str(fault), encoding="utf-8")
        return 2
    return 0


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(3)
