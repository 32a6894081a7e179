"""Which records can be used: the documented rules of an import, row by row, as :func:`helpers.schemas.check` applies them."""

import numpy as np
import pandas as pd

from helpers.datasets import glue
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.schemas.check import MAX_ID, finer_than_seconds
from helpers.schemas.schema import REQUIRED
from helpers.schemas.values import as_number, as_text


def usable(frame: pd.DataFrame, kind: str, steps: Steps) -> pd.DataFrame:
    """Return the rows that have ids and a readable time, all cells as text, TIMESTAMP as a whole number.

    Raises:
        InputError: a time is in another unit than seconds, or a cell cannot be stored as text; of one row, this is its fault.
    """
    frame = frame.assign(**{name: as_text(frame[name]) for name in frame if name != "TIMESTAMP"})
    for name, type_ in REQUIRED[kind].items():
        if type_ == "string":
            frame = _keep(frame, (frame[name].str.len().fillna(0) <= MAX_ID).to_numpy(bool), f"drop long {name}", steps)
    if "TIMESTAMP" in REQUIRED[kind]:
        frame = _whole_seconds(frame, steps)
    return glue.drop_incomplete(frame, kind, steps)


def _whole_seconds(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    number, bad = as_number(frame["TIMESTAMP"], "long")
    fine, text = finer_than_seconds(number, "TIMESTAMP")
    if fine.any():
        raise InputError(text)
    whole = as_text(number) if number.dtype == np.int64 else as_text(number.astype("Int64"))
    return _keep(frame.assign(TIMESTAMP=whole), ~bad, "drop unreadable TIMESTAMP", steps)


def _keep(frame: pd.DataFrame, mask: np.ndarray, step: str, steps: Steps) -> pd.DataFrame:
    kept = frame[mask]
    steps.add(step, len(frame), len(kept))
    return kept
