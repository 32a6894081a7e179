"""What a user's own history says about each item in it: how often, how recently, in what rhythm, and whether right now.

People buy again, watch again, come back to what they looked at. A network that reads items one after the other does not learn
this well, so it is put into numbers, one row for each different item of each history.
"""

import numpy as np

from helpers.interactions import UNKNOWN, Histories
from helpers.recipes.sessions import is_running, session_starts

DAY = 86_400
NAMES = (
    "it is there",
    "log events with it",
    "log sessions with it",
    "share of sessions with it",
    "log sessions with it, relative",
    "newest within 3 days",
    "newest within 14 days",
    "newest within 60 days",
    "newest within 180 days",
    "newest within 1 session",
    "newest within 3 sessions",
    "newest within 8 sessions",
    "newest within 1 event",
    "newest within 5 events",
    "newest within 20 events",
    "in the running session",
    "in its last 3 events",
    "due by its own rhythm",
    "log events, fading in 30 days",
    "log events, fading in 120 days",
    "log events, fading by session",
    "a short history",
    "item is often taken again",
    "... and was by this user",
)
"""What each feature says; "within t" means ``exp(-age / t)``."""


class OwnHistory:
    """Features of each pair of a history and an item in it.

    Attributes:
        rows, items: the pairs, ``(p,)``, sorted. features: float32 ``(p, len(NAMES))``.
        sessions: different sessions with the item, ``(p,)``.
    """

    def __init__(self, histories: Histories, gap: float, repeats: np.ndarray):
        """Compute the features at the time of each request.

        Args:
            gap: seconds without an event that end a session.
            repeats: log share of sessions in which an item is taken again, ``(n_items,)`` (:func:`repeat_shares`).
        """
        known = histories.items != UNKNOWN
        if not known.all():
            histories = histories.keep(known).at(histories.now)
        rows, n = histories.rows, len(histories)
        session = np.cumsum(session_starts(histories, gap))
        first, last = _of_rows(histories, session)
        running = is_running(histories, gap)
        pairs, where = np.unique(rows.astype(np.int64) << 32 | histories.items, return_inverse=True)
        self.rows, self.items = (pairs >> 32).astype(np.int64), (pairs & 0xFFFFFFFF).astype(np.int64)

        def newest(values):
            smallest = np.full(len(pairs), np.inf)
            np.minimum.at(smallest, where, values)
            return smallest

        def total(values=None):
            return np.bincount(where, values, minlength=len(pairs))

        age = np.maximum(0, histories.now[rows] - histories.timestamps) / DAY
        sessions_back = (last[rows] - session).astype(float)
        days, sessions, events = newest(age), newest(sessions_back), newest(histories.steps_back.astype(float))
        opens = np.unique(np.stack([where, session]), axis=1)[0]
        self.sessions = np.bincount(opens, minlength=len(pairs))
        of_user = (last - first + 1)[self.rows] if n else np.zeros(0)
        now = (sessions == 0) & running[self.rows]
        rhythm = (-newest(-age) - days) / np.maximum(1, self.sessions - 1)
        often = np.log1p(total())
        columns = [
            np.ones(len(pairs)),
            often,
            np.log1p(self.sessions),
            self.sessions / of_user,
            np.log1p(self.sessions) / np.log1p(of_user),
            *(np.exp(-days / t) for t in (3, 14, 60, 180)),
            *(np.exp(-sessions / t) for t in (1, 3, 8)),
            *(np.exp(-events / t) for t in (1, 5, 20)),
            now,
            now * np.exp(-events / 3),
            np.where(self.sessions > 1, np.exp(-np.abs(np.log((days + 1) / (rhythm + 1)))), 0),
            *(np.log1p(total(np.exp(-age / t))) for t in (30, 120)),
            np.log1p(total(0.8**sessions_back)),
            1 / (1 + of_user),
            repeats[self.items],
            repeats[self.items] * often,
        ]
        self.features = np.stack(columns, axis=1).astype(np.float32)


def repeat_shares(histories: Histories, n_items: int, gap: float, pull: float = 10.0) -> np.ndarray:
    """Return the log share of sessions with an item in which its user had taken it before, float32 ``(n_items,)``.

    Args:
        pull: sessions of the overall share that are mixed in, so that rare items get it.
    """
    own = OwnHistory(histories, gap, np.zeros(n_items, np.float32))
    again = np.bincount(own.items, own.sessions - 1, minlength=n_items)
    all_ = np.bincount(own.items, own.sessions, minlength=n_items)
    share = (again.sum() + 1) / (all_.sum() + 2)
    return np.log((again + pull * share) / (all_ + pull)).astype(np.float32)


def _of_rows(histories: Histories, session: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the first and last session of each history; 0 for an empty one."""
    filled = histories.lengths > 0
    first, last = np.zeros(len(histories), np.int64), np.zeros(len(histories), np.int64)
    first[filled], last[filled] = session[histories.offsets[:-1][filled]], session[histories.offsets[1:][filled] - 1]
    return first, last
