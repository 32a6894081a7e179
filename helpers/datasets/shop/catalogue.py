"""Draws the items: sets of products that belong together and are completed in an order."""

import numpy as np

from helpers.datasets.shop.model import DAY, START, Items, Parameters
from helpers.datasets.shop.words import CATEGORIES, COLOURS, RANGES, THEMES, Kind

LAST_WEEKS = 42
"""The newest sets appear at most so many days before the end of the year (and at least 14)."""

NEXT_PIECE, PIECE_AFTER, NEXT_SET = 0.6, 0.15, 0.25
"""What follows a piece: the next piece of its set, the one after, the first piece of the next set."""


def draw_items(rng: np.random.Generator, parameters: Parameters) -> Items:
    """Draw the catalogue: about six items a set."""
    theme, range_, colour = _draw_sets(rng, parameters)
    pieces = [_draw_pieces(rng, RANGES[r]) for r in range_]
    set_ = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    kinds = [kind for piece in pieces for kind in piece]
    position = np.concatenate([np.arange(len(p)) for p in pieces])
    n = len(kinds)
    launch = _draw_launches(rng, parameters, len(pieces))
    appeal = rng.normal(0, parameters.set_appeal, len(pieces))
    base = appeal[set_] + rng.normal(0, parameters.item_appeal, n) + parameters.first_piece * (position == 0)
    price = np.maximum(0.5, np.round(np.array([k.price for k in kinds]) * np.exp(rng.normal(0, 0.25, n)) * 20) / 20 - 0.01)
    sequel, weight = _sequels(set_, position, _next_sets(rng, theme, range_), base)
    categories = np.array([[c in k.categories for c in CATEGORIES] for k in kinds], float)
    titles = [_title(k, theme[s], colour[s], (theme[s] + range_[s]) % 3) for k, s in zip(kinds, set_, strict=True)]
    fields = dict(
        title=np.array(titles, object),
        price=np.round(price, 2),
        created=launch[set_] + rng.integers(8 * 3600, 18 * 3600, n),
        theme=theme[set_],
        colour=colour[set_],
        set_=set_,
        position=position,
        categories=categories / categories.sum(axis=1, keepdims=True),
        main=np.array([CATEGORIES.index(k.categories[0]) for k in kinds]),
        period=np.array([np.nan if k.period is None else k.period for k in kinds]),
        base=base,
        style=rng.normal(0, 1, (n, 4)),
        bias=rng.normal(0, 1, n),
    )
    order = rng.permutation(n)  # ids must not give the sets away
    code = np.empty(n + 1, np.int64)
    code[order], code[-1] = np.arange(n), -1
    ids = np.array([str(1001 + i) for i in range(n)], object)
    return Items(ids=ids, sequel=code[sequel][order], sequel_weight=weight[order], **{k: v[order] for k, v in fields.items()})


def _draw_sets(rng: np.random.Generator, parameters: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw theme, range and colour of each set; the last ones repeat earlier ones (same titles, new items)."""
    n_first = parameters.n_sets - parameters.second_editions
    both = rng.permutation(len(THEMES) * len(RANGES))[:n_first]
    both = np.concatenate([both, both[: parameters.second_editions]])
    colour = rng.integers(0, len(COLOURS), n_first)
    colour = np.concatenate([colour, colour[: parameters.second_editions]])
    return both % len(THEMES), both // len(THEMES), colour


def _draw_pieces(rng: np.random.Generator, kinds: tuple[Kind, ...]) -> list[Kind]:
    size = rng.integers(5, len(kinds) + 1)
    return [kinds[k] for k in np.sort(rng.permutation(len(kinds))[:size])]


def _draw_launches(rng: np.random.Generator, parameters: Parameters, n: int) -> np.ndarray:
    """Return the launch day of each set as Unix seconds at midnight: most before the year, some within, some at its end."""
    n_late = round(parameters.late_sets * n)
    n_last = round(parameters.last_weeks * n_late)
    days = np.concatenate(
        [
            rng.integers(-900, -30, n - n_late),
            rng.integers(15, 365 - LAST_WEEKS, n_late - n_last),
            rng.integers(365 - LAST_WEEKS, 365 - 14, n_last),
        ]
    )
    return START + DAY * rng.permutation(days)


def _title(kind: Kind, theme: int, colour: int, pattern: int) -> str:
    name, shade = THEMES[theme].name, COLOURS[colour]
    return (f"{shade} {name} {kind.name}", f"{name} {kind.name} in {shade}", f"{kind.name} {name} {shade}")[pattern]


def _next_sets(rng: np.random.Generator, theme: np.ndarray, range_: np.ndarray) -> np.ndarray:
    """Return the set that follows each set: of the next theme that has any, and of the same range where possible."""
    following = np.empty(len(theme), np.int64)
    for s in range(len(theme)):
        steps = (theme - theme[s] - 1) % len(THEMES)  # 0 = the next theme in the ring
        ahead = np.flatnonzero(steps == steps.min())
        same = ahead[range_[ahead] == range_[s]]
        following[s] = rng.choice(same if len(same) else ahead)
    return following


def _sequels(set_: np.ndarray, position: np.ndarray, next_set: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what follows each item, ``(n, 3)`` codes (-1 pads), and with which weight; rows sum to 1."""
    n = len(set_)
    rows = np.arange(n)
    sequel = np.full((n, 3), -1)
    for step in (1, 2):
        inside = rows[: n - step][set_[step:] == set_[: n - step]]
        sequel[inside, step - 1] = inside + step
    firsts = np.flatnonzero(position == 0)
    sequel[:, 2] = firsts[next_set[set_]]
    weight = np.where(sequel >= 0, [NEXT_PIECE, PIECE_AFTER, NEXT_SET] * np.exp(0.5 * base[sequel]), 0.0)
    return sequel, weight / weight.sum(axis=1, keepdims=True)
