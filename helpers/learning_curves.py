"""How much data does a recommender need, and how many of the visitors must be known? The same questions, less to learn from.

Every point of a curve is asked the same questions, those of the temporal split, by the same users: what differs is only what
could be learned (and, where it says so, what is known of those who ask). Smaller samples are parts of larger ones, and several
nested samples are drawn, so that a curve does not hang on who happened to be in it.

    curve = learning_curves.by_users(shop, shares=(0.05, 0.2, 1))
    curve.table()                            # mean and interval of each contestant at each point
    curve.break_even(worth=0.02)             # from how many users on is the gain over the best rule 2 % or more?
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import metrics, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.fit_check import quick_blend
from helpers.fit_check.comparison import CONTENDER, relative_gain
from helpers.fit_check.figures import DAY, visits
from helpers.fit_check.simple_rules import RULES
from helpers.interactions import Histories, Interactions, Vocabulary
from helpers.metrics import Interval

Found = dict[str, np.ndarray]
"""Contestant -> NDCG at 25 of each user."""
MOST_USERS = 500
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Curve:
    """Quality against the amount of data.

    Attributes:
        axis: what ``x`` counts, in words. x: rising, ``(p,)``.
        quality: contestant -> NDCG at 25 of ``n`` users at ``p`` points in ``d`` draws, ``(d, p, n)``; the same users everywhere.
        contender: the personal one; all others are rules.
    """

    axis: str
    x: np.ndarray
    quality: Mapping[str, np.ndarray]
    contender: str = CONTENDER

    def table(self) -> pd.DataFrame:
        """Return a row a point (index ``axis``), columns contestant x (``mean``, ``low``, ``high``); intervals over users."""
        rows = {}
        for at, x in enumerate(self.x):
            found = {name: metrics.bootstrap_interval(values[:, at].mean(axis=0)) for name, values in self.quality.items()}
            rows[x] = {(name, end): getattr(of, end) for name, of in found.items() for end in ("mean", "low", "high")}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(self.axis)

    def best_rule(self) -> np.ndarray:
        """Return the values of the rule that does best at each point, ``(d, p, n)``."""
        rules = np.stack([values for name, values in self.quality.items() if name != self.contender])
        best = rules.mean(axis=(1, 3)).argmax(axis=0)
        return np.stack([rules[rule, :, at] for at, rule in enumerate(best)], axis=1)

    def gain(self) -> list[Interval]:
        """Return at each point how much more the contender finds than the best rule (0.1 = 10 %); 95 % intervals over users."""
        pairs = (values.mean(axis=0) for values in (self.quality[self.contender], self.best_rule()))
        return [relative_gain(a, b) for a, b in zip(*pairs, strict=True)]

    def break_even(self, worth: float = 0.0, seed: int = 0) -> Interval:
        """Return from which ``x`` on the contender finds at least ``1 + worth`` times what the best rule finds.

        The bounds come from drawing users and samples anew (bootstrap, 95 %) and reading the point off each time. ``inf`` = not
        within the curve; the first ``x`` = there already, or earlier.
        """
        surplus = self.quality[self.contender] - (1 + worth) * self.best_rule()
        draws, _, n = surplus.shape
        rng = np.random.default_rng(seed)

        def drawn_anew() -> np.ndarray:
            samples, users = rng.integers(0, draws, draws), rng.integers(0, n, n)
            return surplus[samples].mean(axis=0)[:, users].mean(axis=1)

        points = [crossing(self.x, drawn_anew()) for _ in range(_RESAMPLES)]
        low, high = np.quantile(points, [0.025, 0.975], method="nearest")  # never between a number and infinity
        return Interval(crossing(self.x, surplus.mean(axis=(0, 2))), float(low), float(high))


def crossing(x: np.ndarray, surplus: np.ndarray) -> float:
    """Return from which ``x`` on ``surplus`` stays at 0 or above; ``inf`` where it ends below.

    Between two points a straight line is drawn, on a logarithmic scale of ``x``; on a plain one from a point at 0.

    Args:
        x: rising, ``(p,)``. surplus: ``(p,)``.
    """
    below = np.flatnonzero(surplus < 0)
    if len(below) == 0:
        return float(x[0])
    last = below[-1]
    if last == len(x) - 1:
        return float("inf")
    part = surplus[last] / (surplus[last] - surplus[last + 1])
    if x[last] <= 0:
        return float(x[last] + part * (x[last + 1] - x[last]))
    return float(x[last] * (x[last + 1] / x[last]) ** part)


def by_users(dataset: Dataset, shares: Sequence[float], seed: int = 0, draws: int = 3) -> Curve:
    """Learn from a part of the users only; those who ask are known in full.

    Args:
        shares: parts of the users who were there before the questions, rising, 0 to 1.
        seed: of the first draw. draws: how many nested samples.
    """
    parts, asked, truth = _questions(dataset, shares)
    active = np.flatnonzero(parts.train.histories.lengths)

    def ask(order: np.ndarray, share: float) -> Found:
        chosen = active[order[: round(share * len(active))]]
        return _ask(dataset, parts.train.keep(np.isin(parts.train.users, chosen)), asked, truth)

    x = [round(share * len(active)) for share in shares]
    return _curve("users to learn from", x, _draw(ask, shares, len(active), seed, draws))


def by_days(dataset: Dataset, days: Sequence[float]) -> Curve:
    """Know only the newest days before the questions, of all users, those who ask included.

    Args:
        days: how many, rising.
    """
    parts, asked, truth = _questions(dataset, days, most=np.inf)
    cut = int(asked.now[0])

    def ask(length: float) -> Found:
        known = asked.keep(asked.timestamps >= cut - length * DAY).at(cut)
        return _ask(dataset, parts.train.keep(parts.train.timestamps >= cut - length * DAY), known, truth)

    return _curve("days of data", days, [[ask(length) for length in days]])


def by_known_users(dataset: Dataset, shares: Sequence[float], seed: int = 0, draws: int = 3) -> Curve:
    """Let only a part of the users be known; the others come anonymously, every visit under a new id, and ask without a history.

    Args:
        shares: parts of the users that are known, rising, 0 to 1.
        seed: of the first draw. draws: how many nested samples.
    """
    parts, asked, truth = _questions(dataset, shares)
    n_users = dataset.interactions.n_users

    def ask(order: np.ndarray, share: float) -> Found:
        known = np.zeros(n_users, bool)
        known[order[: round(share * n_users)]] = True
        seen = asked.keep(known[asked.users][asked.rows]).at(asked.now)
        return _ask(dataset, without_names(parts.train, ~known), seen, truth)

    return _curve("share of users who are known", shares, _draw(ask, shares, n_users, seed, draws))


def without_names(interactions: Interactions, anonymous: np.ndarray) -> Interactions:
    """Return the interactions with each visit of the anonymous users under an id of its own, as a shop sees guests.

    Args:
        anonymous: bool ``(n_users,)``.
    """
    frame = interactions.frame()
    guest = anonymous[interactions.users]
    visit = visits(interactions).of_event[guest]
    frame.loc[guest, "USER_ID"] = [f"guest {number:08d}" for number in visit]
    return Interactions.from_frame(frame, Vocabulary(frame["USER_ID"]), interactions.item_ids)


def _questions(dataset: Dataset, points: Sequence[float], most: float = 1.0) -> tuple[splits.Split, Histories, Histories]:
    """Return the temporal split, and up to 500 of its users with what they took.

    Raises:
        InputError: the points of the curve do not rise or lie out of range, or nobody can be asked.
    """
    if len(points) < 2 or min(points) < 0 or max(points) > most or (np.diff(points) <= 0).any():
        limits = "0 to 1" if most == 1 else "0 or more"
        raise InputError(f"points of a learning curve: {list(points)}; give at least two, rising, {limits}")
    parts = splits.split(dataset.interactions, "temporal")
    rows = quick_blend.spread(len(parts.truth), dataset.interactions.n_items, MOST_USERS)
    return parts, parts.inputs.take(rows), parts.truth.take(rows)


def _draw(ask: Callable[[np.ndarray, float], Found], shares: Sequence[float], n: int, seed: int, draws: int) -> list[list[Found]]:
    """Ask at every share in every draw, a random order of ``n`` users each; nobody and everybody are the same in all draws."""
    orders = [np.random.default_rng([seed, draw]).permutation(n) for draw in range(draws)]
    fixed = {share: ask(orders[0], share) for share in shares if share in (0, 1)}
    return [[fixed[share] if share in fixed else ask(order, share) for share in shares] for order in orders]


def _ask(dataset: Dataset, learn: Interactions, asked: Histories, truth: Histories) -> Found:
    found = {name: quick_blend.ndcg(rule(learn, asked), truth) for name, rule in RULES.items()}
    return found | {CONTENDER: quick_blend.ndcg(quick_blend.fit(dataset.with_interactions(learn)).score(asked), truth)}


def _curve(axis: str, x: Sequence[float], found: list[list[Found]]) -> Curve:
    """Stack what was found, ``[draw][point][contestant] -> (n,)``."""
    names = found[0][0]
    return Curve(
        axis, np.array(x, float), {name: np.array([[point[name] for point in draw] for draw in found]) for name in names}
    )
