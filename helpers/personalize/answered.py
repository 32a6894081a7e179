"""The lists that were answered lately: what an event's ``recommendationId`` stands for."""

from collections import OrderedDict
from threading import Lock

KEPT = 10_000
"""So many answers are remembered, the newest; memory does not grow with requests. A restart forgets them."""


class Answered:
    """Recommendation id -> who answered, and with which items."""

    def __init__(self, kept: int = KEPT):
        self._kept, self._lists, self._lock = kept, OrderedDict(), Lock()

    def add(self, recommendation_id: str, arn: str, items: list[str]) -> None:
        """Remember an answer of a campaign or recommender; the oldest makes room."""
        with self._lock:
            self._lists[recommendation_id] = (arn, items)
            if len(self._lists) > self._kept:
                self._lists.popitem(last=False)

    def find(self, recommendation_id: str | None) -> tuple[str | None, list[str]]:
        """Return the ARN that answered and the items of the list; None and no items where it is not known."""
        with self._lock:
            return self._lists.get(recommendation_id, (None, []))
