"""The check of a table against a schema, as an import job makes it.

The documented rules are stricter than the service: real runs accept other column orders and letter case, extra columns,
unreadable numbers and repeated ids. ``strict=False`` does as the service does and reports; ``strict=True`` holds
to the documentation and refuses.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.schemas.report import Findings, ImportReport
from helpers.schemas.schema import REQUIRED, Field, Schema
from helpers.schemas.values import as_boolean, as_number, as_text

MAX_ID = 256
MAX_CATEGORY = 1000
MAX_IMPRESSION = 1000
MAX_TEXT = 20_000
MAX_EVENT_TYPES = 10
LINE, RECORD = "line", "record"
"""Names of an index that holds the file's line or record numbers; without one, row ``i`` is taken to be line ``i + 2``."""

_SECONDS_BELOW = 1e11
_UNITS = (("nanoseconds", 1e17, 1_000_000_000), ("microseconds", 1e14, 1_000_000), ("milliseconds", 1e11, 1_000))


def check(frame: pd.DataFrame, schema: Schema, *, strict: bool = False, source: str = "") -> ImportReport:
    """Check a table against its schema and return the clean rows with an account of the others.

    Dropped are rows without an id or a readable TIMESTAMP, rows whose id is longer than 256 characters, exact repeats
    of an interaction, and all but the last row of a repeated item or user. Other unreadable cells become missing.

    Args:
        frame: the table as read, texts or typed columns; an index named ``line`` (or ``record``) gives the file's line numbers.
        schema: what the table should be.
        strict: refuse whatever breaks the documented rules instead of dropping, mending or ignoring it.
        source: file name for messages; by default the dataset type.

    Raises:
        InputError: a column is missing or comes twice; times are not in seconds; a categorical value is longer than
            1,000 characters; no row is left; in strict mode any fault.
    """
    source = source or schema.dataset_type
    if len(frame) == 0:
        raise InputError(f"{source}: there are no rows, only {'a header' if len(frame.columns) else 'emptiness'}")
    numbered = frame.index.name in (LINE, RECORD) and pd.api.types.is_integer_dtype(frame.index.dtype)
    place = frame.index.name if numbered else None
    findings = Findings(source, frame.index.to_numpy() if place else np.arange(len(frame)) + 2, strict, place or LINE)
    positions = _match_columns(frame, schema, findings)
    try:
        columns = {field.name: _read(frame.iloc[:, positions[field.name]], field, schema, findings) for field in schema.fields}
    except InputError as fault:
        raise fault if str(fault).startswith(source) else InputError(f"{source}: {fault}") from fault
    _drop_repeats(columns, schema, findings)
    if not findings.keep.any():
        reasons = "; ".join(f"{reason}: {dropped.count}" for reason, dropped in findings.dropped.items())
        raise InputError(f"{source}: none of the {len(frame)} rows can be used ({reasons})")
    clean = pd.DataFrame({name: column[findings.keep] for name, column in columns.items()}).reset_index(drop=True)
    if "TIMESTAMP" in REQUIRED[schema.dataset_type]:
        clean["TIMESTAMP"] = clean["TIMESTAMP"].astype("int64")
    _note_event_types(clean, schema, findings)
    found = (findings.dropped, tuple(findings.warnings), findings.place)
    return ImportReport(source, schema.dataset_type, clean, len(frame), *found)


def _match_columns(frame: pd.DataFrame, schema: Schema, findings: Findings) -> Mapping[str, int]:
    """Return the position of each field's column; letter case and a byte-order mark do not count."""
    given = [str(name).lstrip("\ufeff").strip() for name in frame.columns]
    folded = [name.upper() for name in given]
    missing = [name for name in schema.names if name.upper() not in folded]
    if missing:
        # the words of the service, then ours
        text = f"Input CSV is missing the following columns: [{', '.join(missing)}]"
        raise findings.error(f"{text}; found [{', '.join(given)}]. Rename the columns or correct the schema")
    for name in schema.names:
        if folded.count(name.upper()) > 1:
            raise findings.error(f"column {name} comes {folded.count(name.upper())} times; keep one")
    extra = [name for name in given if name.upper() not in {n.upper() for n in schema.names}]
    if extra:
        findings.note(f"columns that the schema does not name are ignored: {', '.join(extra)}")
    if findings.strict and given != schema.names:
        raise findings.error(f"columns are {given}, but the schema says {schema.names}, in this order and spelling")
    return {name: folded.index(name.upper()) for name in schema.names}


def _read(column: pd.Series, field: Field, schema: Schema, findings: Findings) -> pd.Series:
    column = column.reset_index(drop=True)
    required = field.name in REQUIRED[schema.dataset_type]
    if field.type == "string":
        values = as_text(column)
        _check_text(values, field, required, findings)
    else:
        values, bad = as_boolean(column) if field.type == "boolean" else as_number(column, field.type)
        if bad.any():
            _unreadable(column, bad, field, required, findings)
    missing = values.isna().to_numpy(bool)
    if required:
        findings.drop(missing, f"{field.name} is empty")
    elif not field.nullable:
        findings.warn(missing, f"{field.name} is empty although the schema does not allow null")
    if field.name in ("TIMESTAMP", "CREATION_TIMESTAMP"):
        _check_seconds(values, field.name, findings)
    return values.astype("float64") if field.type not in ("string", "boolean") and field.name != "TIMESTAMP" else values


def _unreadable(column: pd.Series, bad: np.ndarray, field: Field, required: bool, findings: Findings) -> None:
    first = int(np.flatnonzero(bad)[0])
    example, line = str(column.iloc[first])[:40], int(findings.lines[first])
    if required and bad.all():
        raise findings.error(f"{field.name} {example!r} is not a whole number; convert the column to Unix seconds", line)
    reason = f"{field.name} is no {field.type} (first: {example!r})"
    if required:
        findings.drop(bad, reason)
    else:
        findings.warn(bad, f"{reason}, taken as empty")


def _check_text(values: pd.Series, field: Field, required: bool, findings: Findings) -> None:
    lengths = values.str.len().fillna(0).to_numpy()
    if required:
        findings.drop(lengths > MAX_ID, f"{field.name} is longer than {MAX_ID} characters")
    elif field.categorical and (lengths > MAX_CATEGORY).any():
        line = int(findings.lines[np.flatnonzero(lengths > MAX_CATEGORY)[0]])
        raise findings.error(f"{field.name} is categorical, but holds more than {MAX_CATEGORY} characters; shorten it", line)
    elif field.name == "IMPRESSION":
        findings.warn(lengths > MAX_IMPRESSION, f"IMPRESSION is longer than {MAX_IMPRESSION} characters")
    elif field.textual:
        text = f"{field.name} is longer than {MAX_TEXT} characters; training reads only these"
        findings.warn(lengths > MAX_TEXT, text, allowed=True)


def _check_seconds(values: pd.Series, name: str, findings: Findings) -> None:
    """Refuse times in another unit than seconds: up to 1e11 is seconds (year 5138), beyond are the finer units."""
    fine, text = finer_than_seconds(values, name)
    if not fine.any():
        return
    first = int(np.flatnonzero(fine)[0])
    seconds = ~fine & values.notna().to_numpy()
    if seconds.any():
        line = int(findings.lines[np.flatnonzero(seconds)[0]])
        text = f"{text}. Units are mixed: too fine: {fine.sum()}, in seconds: {seconds.sum()} (first: line {line})"
    raise findings.error(text, int(findings.lines[first]))


def finer_than_seconds(values: pd.Series, name: str) -> tuple[np.ndarray, str]:
    """Return which times ``(n,)`` are in a finer unit than seconds, and about the first a sentence (empty without one)."""
    size = np.abs(np.nan_to_num(values.to_numpy("float64")))
    fine = size >= _SECONDS_BELOW
    if not fine.any():
        return fine, ""
    first = int(np.flatnonzero(fine)[0])
    unit, _, factor = next(entry for entry in _UNITS if size[first] >= entry[1])
    return fine, f"{name} {values.iloc[first]:.0f} is in {unit}, but the service expects seconds; divide by {factor:,}"


def _drop_repeats(columns: Mapping[str, pd.Series], schema: Schema, findings: Findings) -> None:
    if schema.dataset_type == "Interactions":
        kept = {name: column[findings.keep] for name, column in columns.items()}
        reason, again = "exact repeat of an earlier interaction", pd.DataFrame(kept).duplicated()
    else:
        key = next(iter(REQUIRED[schema.dataset_type]))
        reason = f"{key} comes again further down; the last row counts"
        again = columns[key][findings.keep].duplicated(keep="last")
    rows = np.zeros(len(findings.keep), bool)
    rows[findings.keep] = again.to_numpy()
    findings.drop(rows, reason, allowed=True)


def _note_event_types(frame: pd.DataFrame, schema: Schema, findings: Findings) -> None:
    if "EVENT_TYPE" in schema:
        count = frame["EVENT_TYPE"].nunique()
        if count > MAX_EVENT_TYPES:
            findings.note(f"{count} event types, but training allows at most {MAX_EVENT_TYPES}; merge or remove some")
