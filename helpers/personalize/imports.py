"""Import jobs: CSV files to one Parquet file, block by block, by the rules of :mod:`helpers.schemas`.

A million rows stream through; no more than a block of them is in memory. Rows that cannot be used are counted, not kept.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from helpers.errors import InputError
from helpers.schemas import Schema, check
from helpers.schemas.check import LINE

BLOCK_BYTES = 16_000_000
MIN_INTERACTIONS = 1000


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the columns of the Parquet file: TIMESTAMP int64, other numbers float64, an empty cell is null."""
    types = {"string": pa.string(), "boolean": pa.bool_()}
    fields = [(f.name, pa.int64() if f.name == "TIMESTAMP" else types.get(f.type, pa.float64())) for f in schema.fields]
    return pa.schema(fields)


def import_files(files: Sequence[Path], schema: Schema, target: Path) -> dict[str, int]:
    """Write the usable rows of CSV files into ``target``, which appears whole or not at all.

    Returns:
        Rows ``read`` and ``kept``, and each reason with the number of rows dropped for it.

    Raises:
        InputError: a file is unreadable or lacks columns, no row is usable, or there are fewer than 1,000 interactions.
    """
    aside = target.with_name(f".{target.name}.part")
    columns, counts = arrow_schema(schema), Counter()
    try:
        with pa.parquet.ParquetWriter(aside, columns) as writer:
            for file in files:
                for frame in _blocks(file, schema, counts):
                    writer.write_table(_clean(frame, schema, file.name, counts).select(columns.names).cast(columns))
        _check_counts(counts, schema)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return dict(counts)


def _blocks(file: Path, schema: Schema, counts: Counter) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file as texts, with line numbers (of a file whose cells hold no line breaks)."""

    def skip(row) -> str:
        counts["dropped: another number of cells than the header"] += 1
        counts["read"] += 1
        return "skip"

    reading = pa.csv.ReadOptions(block_size=BLOCK_BYTES)
    parsing = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
    looking = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: "skip")
    try:
        with pa.csv.open_csv(file, reading, looking) as reader:
            names = reader.schema.names
        given = {name.strip().upper() for name in names}
        missing = [name for name in schema.names if name.upper() not in given]
        if missing:
            raise InputError(f"Input CSV is missing the following columns: [{', '.join(missing)}]; found [{', '.join(names)}]")
        texts = {"column_types": dict.fromkeys(names, pa.string()), "strings_can_be_null": True, "null_values": [""]}
        start = 2
        with pa.csv.open_csv(file, reading, parsing, pa.csv.ConvertOptions(**texts)) as reader:
            for batch in reader:
                frame = batch.to_pandas()
                frame.index = pd.RangeIndex(start, start + len(frame), name=LINE)
                start += len(frame)
                yield frame
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError, OSError) as fault:
        raise InputError(f"{file.name}: not a readable CSV file in UTF-8 ({' '.join(str(fault).split())[:200]})") from fault


def _clean(frame: pd.DataFrame, schema: Schema, name: str, counts: Counter) -> pa.Table:
    counts["read"] += len(frame)
    frame = frame[frame.notna().any(axis=1)]
    try:
        report = check(frame, schema, source=name)
    except InputError as fault:
        if "none of the" not in str(fault) and "there are no rows" not in str(fault):
            raise
        counts[f"dropped: {str(fault).split(': ', 1)[-1][:200]}"] += len(frame)
        return arrow_schema(schema).empty_table()
    counts["kept"] += report.rows_kept
    for reason, dropped in report.dropped.items():
        counts[f"dropped: {reason}"] += dropped.count
    for warning in report.warnings:
        counts[f"warning: {warning[:200]}"] += 0
    return pa.Table.from_pandas(report.frame, preserve_index=False)


def _check_counts(counts: Counter, schema: Schema) -> None:
    if not counts["kept"]:
        reasons = "; ".join(name for name in counts if name.startswith("dropped")) or "there are no rows"
        raise InputError(f"none of the {counts['read']} rows can be used ({reasons})")
    if schema.dataset_type == "Interactions" and counts["kept"] < MIN_INTERACTIONS:
        raise InputError(f"{counts['kept']} usable interactions, but an import needs at least {MIN_INTERACTIONS}")


def read_parts(files: Sequence[Path]) -> pd.DataFrame:
    """Read Parquet files of imports, one below the other; columns that a part lacks are missing there."""
    frames = [pd.read_parquet(file) for file in files]
    if len(frames) == 1:
        return frames[0]
    frame = pd.concat(frames, ignore_index=True)
    return frame.drop_duplicates(ignore_index=True) if "TIMESTAMP" in frame else frame
