"""A log of preparation steps: how many rows each step saw and left, and what it found."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Step:
    """One step: rows before and after it, and named counts of what it found."""

    name: str
    before: int
    after: int
    found: dict[str, int] = field(default_factory=dict)


class Steps:
    """The steps taken so far, in order."""

    def __init__(self):
        self._steps: list[Step] = []

    def add(self, name: str, before: int, after: int, **found: int) -> None:
        """Note a step; ``found`` names counts worth knowing, with ``_`` for a blank."""
        self._steps.append(Step(name, int(before), int(after), {key.replace("_", " "): int(n) for key, n in found.items()}))

    def __iter__(self):
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def table(self) -> pd.DataFrame:
        """Return one row a step: ``step``, ``before``, ``after``, ``fewer`` (rows left out or joined), ``found`` (in words)."""
        rows = []
        for step in self._steps:
            found = "; ".join(f"{key}: {n:,}" for key, n in step.found.items())
            rows.append((step.name, step.before, step.after, step.before - step.after, found))
        return pd.DataFrame(rows, columns=["step", "before", "after", "fewer", "found"])
