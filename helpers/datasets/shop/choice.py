"""The shop's generative model, part two: which item comes next. Generator and oracle share these formulas.

The next stop of a visit is drawn from a mixture of four plain motives. With ``e`` the user's newest stop::

    p(i) = a_sequel * sequel[e, i]                                                what follows the newest item
         + a_rebuy * need(i) / sum of need                                       what was bought before and runs out
         + a_comeback * interest(i) / sum of interest                            what was looked at lately, not bought
         + a_taste * pull(i) / sum of pull                                       what one likes

    pull(i)     = attraction[u, i] * season(day, i) * novelty(day, i) * device(d, i) * focus(e, i)
    need(i)     = wear_i * (1 + log(times bought)) * x * exp(1 - x),   x = days since last bought / period_i
    interest(i) = exp(-days since last looked at / 2),  for 7 days

``wear`` is 1 for what gets used up and 0.12 for what lasts (period 40 days). ``season`` rises around the peak day of the
item's theme and categories, ``novelty`` lifts an item in its first weeks (and is 0 before its launch), ``device`` lifts
categories on some devices. ``focus`` is 1 at the first stop; later it lifts the theme and the main category of the newest
stop. Items already met in the visit are out; a motive without any candidate hands its share to taste. ``a_rebuy`` is the
share in :data:`FIRST` or :data:`LATER` times ``1 - exp(-2 * sum of need)``: nobody rebuys when nothing is needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from helpers.datasets.shop.model import DAY, DAYS, START
from helpers.datasets.shop.words import CATEGORIES, DEVICE_TASTE, DEVICES, SEASONAL_CATEGORIES, THEMES
from helpers.datasets.shop.world import World


@dataclass(frozen=True)
class Shares:
    """Shares of the motives where each has a candidate; taste takes the rest."""

    sequel: float
    rebuy: float
    comeback: float


FIRST = Shares(sequel=0.20, rebuy=0.50, comeback=0.25)
"""At the first stop of a visit (``sequel`` follows the newest stop of the visit before)."""
LATER = Shares(sequel=0.45, rebuy=0.25, comeback=0.12)
"""At every later stop."""

LASTING_PERIOD, LASTING_WEAR = 40.0, 0.12
INTEREST_DAYS, INTEREST_FADE = 7.0, 2.0
FOCUS_THEME, FOCUS_CATEGORY = 1.6, 0.8
NOVELTY_LIFT, NOVELTY_FADE = 1.5, 25.0
SEASON_WIDTH = 24.0


class Choice:
    """The motives' formulas over one world; arrays in, arrays out, a leading batch axis wherever it makes sense."""

    def __init__(self, world: World):
        self.world = world
        lasting = np.isnan(world.items.period)
        self.period = np.where(lasting, LASTING_PERIOD, world.items.period)
        self.wear = np.where(lasting, LASTING_WEAR, 1.0)

    @cached_property
    def season(self) -> np.ndarray:
        """Multiplier of each item on each day of the year, ``(365, n_items)``."""
        themes = np.stack([_bump(t.peak, t.strength) for t in THEMES], axis=1)
        categories = np.stack([_bump(*SEASONAL_CATEGORIES.get(c, (None, 0.0))) for c in CATEGORIES], axis=1)
        items = self.world.items
        return np.exp(themes[:, items.theme] + np.einsum("dc,ic->di", categories, items.categories))

    @cached_property
    def device(self) -> np.ndarray:
        """Multiplier of each item on each device, ``(3, n_items)``."""
        lift = np.array([DEVICE_TASTE.get(c, (0.0,) * len(DEVICES)) for c in CATEGORIES])
        return np.exp(np.einsum("cd,ic->di", lift, self.world.items.categories))

    @cached_property
    def focus(self) -> np.ndarray:
        """Multiplier of each item (column) while the newest stop is an item (row), ``(n_items, n_items)``."""
        items = self.world.items
        theme = FOCUS_THEME * (items.theme[:, None] == items.theme)
        return np.exp(theme + FOCUS_CATEGORY * (items.main[:, None] == items.main))

    @cached_property
    def offer(self) -> np.ndarray:
        """Season times novelty on each day of the year, ``(365, n_items)``; 0 on days that begin before an item's launch."""
        age = (START + DAY * np.arange(DAYS)[:, None] - self.world.items.created) / DAY
        novelty = np.exp(NOVELTY_LIFT * np.exp(-np.maximum(age, 0) / NOVELTY_FADE))
        return np.where(age < 0, 0.0, self.season * novelty)

    def need(self, items: np.ndarray, days: np.ndarray, times: np.ndarray) -> np.ndarray:
        """How much each of ``items`` is needed again, ``days`` after it was last bought, having been bought ``times`` times."""
        x = days / self.period[items]
        return self.wear[items] * (1 + np.log(times)) * x * np.exp(1 - x)


def interest(days: np.ndarray) -> np.ndarray:
    """How much an item looked at ``days`` ago, and not bought since, still calls."""
    return np.where(days <= INTEREST_DAYS, np.exp(-days / INTEREST_FADE), 0.0)


def rebuy_share(share: float, total_need: np.ndarray) -> np.ndarray:
    """Scale the share of rebuying by how much is needed in all."""
    return share * (1 - np.exp(-2 * total_need))


def _bump(peak: int | None, strength: float) -> np.ndarray:
    """A bell over the days of the year, around the corner of New Year; all 0 without a peak. ``(365,)``."""
    if peak is None:
        return np.zeros(DAYS)
    away = np.abs(np.arange(DAYS) - peak)
    return strength * np.exp(-0.5 * (np.minimum(away, DAYS - away) / SEASON_WIDTH) ** 2)
