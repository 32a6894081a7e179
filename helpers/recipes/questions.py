"""Questions with known answers, cut from the training data: what the blend of User-Personalization is fitted on.

Two kinds of hidden data, because two kinds of question will come:

* **Inside the time of the training data** (as the service's own split asks): some users are held out whole; other users'
  later events are known. Their histories are cut at random session starts and inside sessions.
* **After the training data** (as every live request asks): everything from the newest tenth of time on is held out, for all
  users. They are asked at the cut itself (what will they take from now on?), and at session starts and inside sessions after it.

A model that was fitted only on the first kind trusts what it knows of the future, and disappoints in use.
"""

from dataclasses import dataclass

import numpy as np

from helpers.interactions import Histories, Interactions
from helpers.recipes.sessions import session_starts

_STARTS, _INSIDE, _LATE_STARTS, _LATE_INSIDE = 12, 3, 2, 2
"""Cuts of a history at most: session starts and places inside sessions, for held-out users and after the cut in time."""
_INSIDE_SHARE = 9
"""An answer inside a session is a ninth of what was shown: the newest tenth, as in the service's split."""


@dataclass(frozen=True, eq=False)
class Questions:
    """What is shown, and what came next.

    Attributes:
        histories: ``n`` histories, each asked at the moment of its answer (or at the common cut).
        rows, items: the different items of all answers and the question each belongs to, ``(a,)``.
    """

    histories: Histories
    rows: np.ndarray
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.histories)

    def take(self, chosen: np.ndarray) -> "Questions":
        """Return these questions only, by number, ``(k,)``."""
        place = np.full(len(self), -1)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.rows] >= 0
        return Questions(self.histories.take(chosen), place[self.rows[kept]], self.items[kept])


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Training data cut in two: what the parts may learn from, and what the blend is asked.

    Attributes:
        learn: interactions of other users, older than the cut.
        inside, after: questions of the two kinds (see the module's text); either may be empty.
    """

    learn: Interactions
    inside: Questions
    after: Questions


def hold_out(interactions: Interactions, gap: float, seed: int) -> HeldOut:
    """Hide a tenth of the users (200 to 800, at most a quarter) and the newest tenth of time, and ask about both.

    Args:
        gap: seconds without an event that end a session.
    """
    draw = np.random.default_rng([seed, 1])
    histories = interactions.histories
    several = draw.permutation(np.flatnonzero(histories.lengths >= 2))
    held = several[: min(len(several) // 4, int(np.clip(len(several) // 10, 200, 800)))]
    cut = int(np.quantile(interactions.timestamps, 0.9, method="higher")) if len(interactions) else 0
    learn = interactions.keep(~np.isin(interactions.users, held) & (interactions.timestamps < cut))
    opens = session_starts(histories, gap)
    inside, after = _Cuts(histories), _Cuts(histories)
    for user in held:
        _cut_held_user(inside, user, opens, cut, draw)
    for user in several[: 4 * 800]:
        _cut_late(after, user, opens, cut, draw)
    return HeldOut(learn, inside.questions(), after.questions())


def _cut_held_user(cuts: "_Cuts", user: int, opens: np.ndarray, cut: int, draw: np.random.Generator) -> None:
    times, begins, n = cuts.of(user, opens, until=cut)
    if n < 2:
        return
    places = {n - max(1, round(0.1 * n))} | set(_some(np.flatnonzero(~begins), _INSIDE - 1, draw))
    for place in sorted(places - {0}):
        if not begins[place]:
            cuts.add(user, place, place + max(1, round(place / _INSIDE_SHARE)), times[place], n)
    starts = np.append(np.flatnonzero(begins), n)
    for place in _some(starts[1:-1], _STARTS, draw):
        cuts.add(user, place, starts[np.searchsorted(starts, place) + 1], times[place], n)


def _cut_late(cuts: "_Cuts", user: int, opens: np.ndarray, cut: int, draw: np.random.Generator) -> None:
    times, begins, n = cuts.of(user, opens)
    late = int(np.searchsorted(times, cut))
    if late == 0 or late == n:
        return
    cuts.add(user, late, n, cut, n)
    starts = np.append(np.flatnonzero(begins), n)
    for place in _some(starts[(starts >= late) & (starts < n)], _LATE_STARTS, draw):
        cuts.add(user, place, starts[np.searchsorted(starts, place) + 1], times[place], n)
    for place in _some(late + np.flatnonzero(~begins[late:]), _LATE_INSIDE, draw):
        cuts.add(user, place, place + max(1, round(place / _INSIDE_SHARE)), times[place], n)


def _some(places: np.ndarray, most: int, draw: np.random.Generator) -> np.ndarray:
    return np.sort(draw.permutation(places)[:most])


class _Cuts:
    """Collects cuts of histories: the events before the cut are shown, some after it are the answer."""

    def __init__(self, histories: Histories):
        self.histories = histories
        self.users, self.first, self.cut, self.end, self.now = [], [], [], [], []

    def of(self, user: int, opens: np.ndarray, until: int | None = None) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the user's times, which events begin a session, and their number; only events before ``until``."""
        own = slice(self.histories.offsets[user], self.histories.offsets[user + 1])
        times = self.histories.timestamps[own]
        n = len(times) if until is None else int(np.searchsorted(times, until))
        return times[:n], opens[own][:n], n

    def add(self, user: int, place: int, end: int, now: int, n: int) -> None:
        first = self.histories.offsets[user]
        self.users.append(user)
        self.first.append(first)
        self.cut.append(first + place)
        self.end.append(first + min(end, n))
        self.now.append(now)

    def questions(self) -> Questions:
        first, cut, end = (np.array(values, np.int64) for values in (self.first, self.cut, self.end))
        shown, offsets = _ranges(first, cut)
        answers, bounds = _ranges(cut, end)
        source = self.histories
        columns = {name: values[shown] for name, values in source.columns.items()}
        users, now = source.users[np.array(self.users, np.int64)], np.array(self.now, np.int64)
        histories = Histories(source.items[shown], source.timestamps[shown], offsets, users, now, columns)
        rows = np.repeat(np.arange(len(first)), np.diff(bounds))
        pairs = np.unique(np.stack([rows, source.items[answers]]), axis=1)
        return Questions(histories, pairs[0], pairs[1])


def _ranges(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of all ranges end to end, and the offsets of each."""
    lengths = ends - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1]), offsets
