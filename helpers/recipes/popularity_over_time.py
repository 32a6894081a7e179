"""How popular each item was lately, at any moment: counts by week (or day), summed up so that a window is one subtraction."""

from dataclasses import dataclass

import numpy as np

from helpers.interactions import Interactions

DAY = 86_400
_MOST_CELLS = 40_000_000
"""Counts kept at most: a large catalogue over many years gets wider buckets."""


@dataclass(frozen=True, eq=False)
class PopularityOverTime:
    """Events of each item up to the start of each bucket of time.

    Attributes:
        before: events before bucket ``b``, float32 ``(n_buckets + 1, n_items)``; the last row counts all.
        start: Unix seconds at which bucket 0 begins, int64 ``(1,)``.
        width: seconds of a bucket, int64 ``(1,)``.
    """

    before: np.ndarray
    start: np.ndarray
    width: np.ndarray

    @classmethod
    def of(cls, interactions: Interactions, days: int = 1) -> "PopularityOverTime":
        """Count the interactions in buckets of ``days`` days, or wider ones where memory asks for it."""
        times, n_items = interactions.timestamps, interactions.n_items
        start = int(times.min()) if len(times) else 0
        span = int(times.max()) - start if len(times) else 0
        width = days * DAY * max(1, -(-(span // (days * DAY) + 1) * n_items // _MOST_CELLS))
        n_buckets = span // width + 1
        cells = (times - start) // width * n_items + interactions.items
        counts = np.bincount(cells, minlength=n_buckets * n_items).reshape(n_buckets, n_items)
        before = np.zeros((n_buckets + 1, n_items), np.float32)
        np.cumsum(counts, axis=0, out=before[1:])
        return cls(before, np.array([start]), np.array([width]))

    @property
    def total(self) -> np.ndarray:
        """All events of each item, ``(n_items,)``."""
        return self.before[-1]

    @property
    def end(self) -> int:
        """Unix seconds at which the last bucket ends."""
        return int(self.start[0] + (len(self.before) - 1) * self.width[0])

    def moments(self, now: np.ndarray) -> np.ndarray:
        """Return the bucket in which each time lies, int64 ``(n,)``; after the data that is the last moment, ``n_buckets``."""
        buckets = (np.asarray(now, np.int64) - self.start[0]) // self.width[0]
        return np.clip(buckets, 0, len(self.before) - 1)

    def log_overall(self) -> np.ndarray:
        """Return the logarithm of each item's share of all events, smoothed by half an event, ``(n_items,)``."""
        return np.log((self.total + 0.5) / (self.total.sum() + 0.5 * len(self.total))).astype(np.float32)

    def log_trend(self, days: float, moments: np.ndarray | None = None) -> np.ndarray:
        """Return how much more popular than overall each item was in the ``days`` before each moment, as a logarithm.

        The share in the window is pulled towards the overall share by as many events as a tenth of such a window holds on
        average: 0 where nothing is known. Only events before the moment's bucket count, so nothing leaks from the future.

        Args:
            moments: rows to compute, ``(n,)``; None = all ``n_buckets + 1``.

        Returns:
            float32 ``(n, n_items)``.
        """
        moments = np.arange(len(self.before)) if moments is None else moments
        window = max(1, round(days * DAY / self.width[0]))
        counts = self.before[moments] - self.before[np.maximum(0, moments - window)]
        share = (self.total + 0.5) / (self.total.sum() + 0.5 * len(self.total))
        pull = 1 + 0.1 * self.total.sum() * window / max(1, len(self.before) - 1)
        return np.log((counts + pull * share) / (counts.sum(axis=1, keepdims=True) + pull) / share).astype(np.float32)
