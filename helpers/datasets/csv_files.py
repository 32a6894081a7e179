"""Reading and writing CSV files: every cell as text, every fault as one sentence with the file and the line."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.schemas.check import LINE


def read_csv(path: str | Path, *, encodings: Sequence[str] = ("utf-8-sig",)) -> pd.DataFrame:
    """Read a CSV file as strings; an empty cell is missing, a byte-order mark is no part of the first name.

    Nothing but the empty cell means missing: "NA" and "null" stay as they are. The index, named ``line``, holds each
    row's line in the file (header = line 1), right even after cells with line breaks.

    Args:
        encodings: tried in order.

    Raises:
        InputError: the file is absent, empty, not text in any of the encodings, a row has more cells than the header, or
            two columns have the same name.
    """
    return parse_csv(read_bytes(path), str(path), encodings=encodings)


def parse_csv(content: bytes, source: str, *, encodings: Sequence[str] = ("utf-8-sig",)) -> pd.DataFrame:
    """Parse the bytes of a CSV file as :func:`read_csv` does; ``source`` names it in messages."""
    text = decode(content, source, encodings)
    if not text.strip():
        raise InputError(f"{source}: the file is empty; expected a header line and rows")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # "Length of header or names does not match ..."
            texts = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
            frame = pd.read_csv(BytesIO(text.encode()), index_col=False, skip_blank_lines=False, **texts)
            header = pd.read_csv(BytesIO(text.encode()), header=None, nrows=1, skip_blank_lines=False, **texts)
    except (ValueError, pd.errors.ParserWarning, OverflowError) as fault:
        reason = " ".join(str(fault).split()).removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{source}: not a readable CSV file ({reason}); every row needs as many cells as the header") from fault
    _check_names(header.iloc[0].dropna(), source)
    frame.columns = frame.columns.astype("str")
    frame.index = pd.Index(_lines(frame, text), name=LINE)
    return frame[frame.notna().any(axis=1)] if frame.isna().to_numpy().any() else frame


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror or fault}); check the name") from fault


def decode(content: bytes, source: str, encodings: Sequence[str] = ("utf-8-sig",)) -> str:
    """Return the bytes as text in the first encoding that fits.

    Raises:
        InputError: none fits, or there are NUL characters, which no text file has.
    """
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as fault:
            place = f"byte {fault.start}, line {content[: fault.start].count(10) + 1}"
            continue
        if "\0" in text:
            raise InputError(f"{source}: holds NUL characters, so it is no plain text file; save it as CSV in UTF-8")
        return text
    raise InputError(f"{source}: not in the encoding {encodings[0].removesuffix('-sig')} ({place}); save the file as UTF-8")


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as the service's import reads it (UTF-8, header, empty cell = missing); it appears whole or not at all."""
    path = Path(path)
    aside = path.with_name(f".{path.name}.part")
    try:
        frame.to_csv(aside, index=False, lineterminator="\n", encoding="utf-8")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _check_names(header: pd.Series, source: str) -> None:
    """Refuse a name that comes twice: pandas calls the second column something else without a word."""
    for name, count in Counter(header).items():
        if count > 1:
            raise InputError(f"{source}, line 1: column {name} comes {count} times; rename or remove one")


def _lines(frame: pd.DataFrame, text: str) -> np.ndarray:
    """Return the file line on which each row begins."""
    lines = np.arange(len(frame)) + 2
    if text.count("\n") <= len(frame) + 1:
        return lines
    breaks = sum(frame[name].str.count("\n").fillna(0).to_numpy(int) for name in frame.columns)
    header = sum(name.count("\n") for name in frame.columns)
    return lines + header + np.cumsum(breaks) - breaks
