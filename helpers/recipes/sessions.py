"""Sessions: what a user does without a longer pause (a basket, a visit, a sitting), found in the timestamps alone."""

from dataclasses import dataclass

import numpy as np

from helpers.interactions import Histories

FIRST = -1
"""The gap before a history's first event."""


def session_starts(histories: Histories, gap: float) -> np.ndarray:
    """Return which events begin a session: the first of a history, and each after a pause of more than ``gap`` seconds.

    Returns:
        bool ``(m,)``.
    """
    pauses = np.diff(histories.timestamps, prepend=0) > gap
    pauses[histories.offsets[:-1][histories.lengths > 0]] = True
    return pauses


def is_running(histories: Histories, gap: float) -> np.ndarray:
    """Return which histories are asked inside a session, bool ``(n,)``: their newest event is at most ``gap`` seconds old."""
    filled = histories.lengths > 0
    newest = np.append(histories.timestamps, 0)[histories.offsets[1:] - 1]
    return filled & (histories.now - newest <= gap)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Sessions of a batch of histories; a session longer than ``longest`` events is cut into several pieces.

    Attributes:
        starts: index of each piece's first event in the batch, int64 ``(p,)``.
        lengths: its number of events, int64 ``(p,)``.
        rows: the history it belongs to, never decreasing, int64 ``(p,)``.
        gaps: seconds between it and the event before; :data:`FIRST` for a history's first piece, 0 for one that goes on with
            the session of the piece before, int64 ``(p,)``.
    """

    starts: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    gaps: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def places(self) -> np.ndarray:
        """How many pieces of the same history stand before each, ``(p,)``."""
        return np.arange(len(self)) - np.searchsorted(self.rows, self.rows)


def cut_into_pieces(histories: Histories, gap: float, longest: int) -> Pieces:
    """Find the sessions of each history and cut them into pieces of at most ``longest`` events.

    Args:
        gap: a pause of more than so many seconds ends a session.
    """
    m = len(histories.items)
    if m == 0:
        return Pieces(*(np.zeros(0, np.int64) for _ in range(4)))
    opens = session_starts(histories, gap)
    first_of_session = np.flatnonzero(opens)[np.cumsum(opens) - 1]
    starts = np.flatnonzero(opens | ((np.arange(m) - first_of_session) % longest == 0))
    gaps = np.where(opens[starts], np.diff(histories.timestamps, prepend=0)[starts], 0)
    rows = histories.rows[starts]
    gaps[np.diff(rows, prepend=-1) > 0] = FIRST
    return Pieces(starts, np.diff(starts, append=m), rows, gaps)


def order_carries_meaning(histories: Histories, seed: int = 0, margin: float = 1.5) -> bool:
    """Ask the data whether the order of events of one second means anything.

    If it does, an item is often followed by the same item again; if events were written in random order, no pair of neighbours
    recurs more often than by chance. So: count how often two places hold the same neighbours (in this order, within one second),
    and compare with the same data shuffled within each second.

    Returns:
        Whether the given order has more than ``margin`` times as many recurrences as the shuffled one.
    """
    noise = np.random.default_rng(seed).random(len(histories.items))
    shuffled = np.lexsort((noise, histories.timestamps, histories.rows))
    tied = (np.diff(histories.timestamps) == 0) & (np.diff(histories.rows) == 0)
    given, by_chance = (_recurrences(items, tied) for items in (histories.items, histories.items[shuffled]))
    return given > margin * by_chance


def _recurrences(items: np.ndarray, tied: np.ndarray) -> int:
    """Count the pairs of places with the same two neighbours: ``n (n - 1) / 2`` for neighbours that occur ``n`` times."""
    first, second = items[:-1][tied].astype(np.int64), items[1:][tied]
    counts = np.unique(first << 32 | second, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())
