"""How close the generated shop is to a real one: statistics of Online Retail against the same of the gift shop.

Online Retail (D. Chen, S. L. Sain, K. Guo, 2012; UCI Machine Learning Repository, CC BY 4.0) holds a year of a British
online gift shop. The values below are of its rows with a customer and a positive quantity, cancellations left out, one
row a customer, item and second: 387,797 lines of 4,339 users and 3,665 items. They are compared with the purchases of the
gift shop. A *basket* is all that a user buys without a pause of more than half an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.interactions import EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID

PAUSE = 30 * 60
DAY = 86_400


@dataclass(frozen=True, eq=False)
class Lines:
    """Purchase lines, sorted by user and time, and the baskets they form.

    Attributes:
        lines: columns USER_ID, ITEM_ID, TIMESTAMP, ``basket`` (number of the basket).
        baskets: a row a basket: USER_ID, TIMESTAMP of its first line, ``size``.
    """

    lines: pd.DataFrame
    baskets: pd.DataFrame

    @classmethod
    def of(cls, interactions: pd.DataFrame) -> "Lines":
        if EVENT_TYPE in interactions:
            interactions = interactions[interactions[EVENT_TYPE] == "purchase"]
        lines = interactions[[USER_ID, ITEM_ID, TIMESTAMP]].sort_values([USER_ID, TIMESTAMP], kind="stable")
        starts = (lines[USER_ID] != lines[USER_ID].shift()) | (lines[TIMESTAMP].diff() > PAUSE)
        lines = lines.assign(basket=starts.cumsum().to_numpy())
        baskets = lines.groupby("basket").agg(
            **{USER_ID: (USER_ID, "first"), TIMESTAMP: (TIMESTAMP, "first"), "size": (ITEM_ID, "size")}
        )
        return cls(lines, baskets)

    @property
    def baskets_per_user(self) -> pd.Series:
        return self.baskets.groupby(USER_ID).size()

    @property
    def gaps(self) -> pd.Series:
        """Days between a user's consecutive baskets."""
        return self.baskets.groupby(USER_ID)[TIMESTAMP].diff().dropna() / DAY

    @property
    def lines_per_item(self) -> np.ndarray:
        """Most popular first."""
        return self.lines.groupby(ITEM_ID).size().sort_values(ascending=False).to_numpy()

    def share_of_top(self, share: float) -> float:
        """Share of the lines that fall on this share of the items, the most popular ones."""
        counts = self.lines_per_item
        return counts[: max(1, round(share * len(counts)))].sum() / counts.sum()

    def share_of_busiest(self, share: float) -> float:
        """Share of the baskets that this share of the users, the busiest ones, placed."""
        counts = np.sort(self.baskets_per_user)[::-1]
        return counts[: round(share * len(counts))].sum() / counts.sum()

    def rebuy_gap(self) -> float:
        """Median days until a user buys the same item in a later basket."""
        per_basket = self.lines.drop_duplicates([USER_ID, ITEM_ID, "basket"])
        return (per_basket.groupby([USER_ID, ITEM_ID])[TIMESTAMP].diff().dropna() / DAY).median()

    def autumn(self) -> float:
        """Share of the baskets from September to November."""
        return pd.to_datetime(self.baskets[TIMESTAMP], unit="s").dt.month.between(9, 11).mean()

    def late_starters(self) -> float:
        """Share of the users whose first basket lies within 90 days of the newest first basket."""
        first = self.baskets.groupby(USER_ID)[TIMESTAMP].min()
        return (first > first.max() - 90 * DAY).mean()


def gini(counts: np.ndarray) -> float:
    """Return the Gini coefficient: 0 when all are equal, towards 1 when one has everything."""
    counts = np.sort(np.asarray(counts, float))
    ranks = np.arange(1, len(counts) + 1)
    return float((2 * ranks - len(counts) - 1) @ counts / (len(counts) * counts.sum()))


@dataclass(frozen=True)
class Statistic:
    """A name, its value on Online Retail, the difference that still counts as calibrated, and how to compute it."""

    name: str
    online_retail: float
    tolerance: float
    compute: Callable[[Lines], float]


STATISTICS = (
    Statistic("baskets per user, mean", 3.928, 0.4, lambda d: d.baskets_per_user.mean()),
    Statistic("baskets per user, median", 2.0, 0.0, lambda d: d.baskets_per_user.median()),
    Statistic("users with a single basket, share", 0.356, 0.03, lambda d: (d.baskets_per_user == 1).mean()),
    Statistic("baskets of the busiest tenth of users, share", 0.414, 0.03, lambda d: d.share_of_busiest(0.1)),
    Statistic("days between a user's baskets, mean", 44.65, 4.0, lambda d: d.gaps.mean()),
    Statistic("days between a user's baskets, median", 27.03, 3.0, lambda d: d.gaps.median()),
    Statistic("users whose first basket is in the last 90 days, share", 0.223, 0.03, lambda d: d.late_starters()),
    Statistic("baskets from September to November, share", 0.342, 0.03, lambda d: d.autumn()),
    Statistic("Gini coefficient of basket sizes", 0.480, 0.03, lambda d: gini(d.baskets["size"])),
    Statistic("Gini coefficient of lines per user", 0.630, 0.03, lambda d: gini(d.lines.groupby(USER_ID).size())),
    Statistic("lines that repeat an earlier user-item pair, share", 0.312, 0.02, lambda d: _repeats(d.lines)),
    Statistic("days until an item is bought again, median", 44.97, 8.0, lambda d: d.rebuy_gap()),
    Statistic("Gini coefficient of lines per item", 0.639, 0.04, lambda d: gini(d.lines_per_item)),
    Statistic("lines on the most popular 1 % of items, share", 0.098, 0.02, lambda d: d.share_of_top(0.01)),
    Statistic("lines on the most popular 10 % of items, share", 0.456, 0.03, lambda d: d.share_of_top(0.1)),
    Statistic("lines on the less popular half of the items, share", 0.077, 0.03, lambda d: 1 - d.share_of_top(0.5)),
)


def _repeats(lines: pd.DataFrame) -> float:
    return lines.duplicated([USER_ID, ITEM_ID]).mean()


def table(interactions: pd.DataFrame) -> pd.DataFrame:
    """Compare the shop with Online Retail.

    Args:
        interactions: columns USER_ID, ITEM_ID, TIMESTAMP (Unix seconds); with EVENT_TYPE only purchases count.

    Returns:
        Columns ``statistic``, ``online_retail``, ``generated``, ``tolerance``, ``within`` (bool).
    """
    lines = Lines.of(interactions)
    rows = [(s.name, s.online_retail, round(float(s.compute(lines)), 3), s.tolerance) for s in STATISTICS]
    result = pd.DataFrame(rows, columns=["statistic", "online_retail", "generated", "tolerance"])
    return result.assign(within=(result.generated - result.online_retail).abs() <= result.tolerance + 1e-9)


def markdown(calibration: pd.DataFrame) -> str:
    """Return :func:`table` as a Markdown table, as the data card shows it."""
    head = "| statistic | Online Retail | gift shop | tolerance |\n|---|---|---|---|\n"
    rows = calibration[["statistic", "online_retail", "generated", "tolerance"]].itertuples(index=False)
    return head + "".join(f"| {name} | {real:g} | {made:g} | {tolerance:g} |\n" for name, real, made, tolerance in rows)
