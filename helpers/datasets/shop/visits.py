"""Plans when each user comes to the shop, how, and on which device."""

from dataclasses import dataclass

import numpy as np

from helpers.datasets.shop.model import DAY, DAYS, START, Users, day_of_year

ORDER, VISIT, LOOK = 0, 1, 2
"""An order (everything is bought, in one second), a visit (some is looked at, some bought), a look round (nothing is bought)."""
ORDER_SHARE = (0.75, 0.45, 0.6)
"""Share of orders among the planned baskets, on desktop, mobile, tablet; the rest are visits."""
LOOK_BEFORE, LOOK_ALONE = 0.4, 0.3
"""Looks round in the three days before a basket, and without one: mean number a planned basket."""
APART = 4 * 3600
"""Visits of a user start at least so many seconds apart."""
WEEK = (1.05, 1.15, 1.2, 1.3, 1.0, 0.5, 0.8)
"""How busy the days are, Monday to Sunday."""


@dataclass(frozen=True)
class Visit:
    """One planned visit: when (Unix seconds), how (``ORDER``, ``VISIT``, ``LOOK``), on which device (code)."""

    start: int
    way: int
    device: int


def day_weights() -> np.ndarray:
    """How busy the shop is on each day of the year, ``(365,)``: the autumn most, Thursdays more than Saturdays."""
    day = np.arange(DAYS)
    autumn = 1 + 1.0 * np.exp(-0.5 * ((day - 318) / 32) ** 2)
    return autumn * np.array(WEEK)[(day + 2) % 7]  # 1 January 2025 is a Wednesday


def plan(rng: np.random.Generator, users: Users, user: int, busy: np.ndarray) -> list[Visit]:
    """Draw one user's visits, oldest first: baskets spread over the user's time with the shop, looks round around them."""
    stay = int(day_of_year(users.joined[user])), int(day_of_year(users.left[user]))
    baskets = _draw_days(rng, busy, *stay, users.baskets[user])
    before = baskets[rng.random(len(baskets)) < LOOK_BEFORE]
    before = np.maximum(before - rng.integers(0, 4, len(before)), 0)
    alone = _draw_days(rng, busy, *stay, rng.poisson(LOOK_ALONE * len(baskets)))
    days = np.concatenate([baskets, before, alone])
    devices = np.searchsorted(np.cumsum(users.device[user])[:-1], rng.random(len(days)), side="right")
    ways = np.where(rng.random(len(days)) < np.array(ORDER_SHARE)[devices], ORDER, VISIT)
    ways[len(baskets) :] = LOOK
    desk = devices == 0
    hour = rng.normal(np.where(desk, 12.8, 16.5), np.where(desk, 2.2, 3.2)) - 1.5 * (ways == LOOK)
    starts = START + DAY * days + (3600 * np.clip(hour, 0.2, 19.8)).astype(np.int64)
    visits = []
    for k in np.lexsort((ways, starts)):
        if not visits or starts[k] >= visits[-1].start + APART:
            visits.append(Visit(int(starts[k]), int(ways[k]), int(devices[k])))
    return visits


def _draw_days(rng: np.random.Generator, busy: np.ndarray, first: int, last: int, n: int) -> np.ndarray:
    """Draw ``n`` days from ``first`` to ``last``: one from each of ``n`` equally busy stretches, so nobody comes all at once."""
    total = np.cumsum(busy[first : last + 1])
    return first + np.searchsorted(total, (np.arange(n) + rng.random(n)) / n * total[-1], side="right")
