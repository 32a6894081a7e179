"""Preparation of raw shop files as an AWS Glue job does it: crawl, transform, load.

The raw folder holds ``user-item-interaction.json`` and, if there are any, ``item.csv`` and ``user.csv``. Each step is a small
function of a frame that notes in a log how many rows it saw, left, and what it found.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.datasets import folder
from helpers.datasets.atomic import written_whole
from helpers.datasets.csv_files import read_csv, write_csv
from helpers.datasets.folder import with_service_names
from helpers.datasets.json_layouts import read_events, spelled_as
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.schemas import ImportReport, Schema, check, infer
from helpers.schemas.schema import REQUIRED
from helpers.schemas.values import as_text

FILES = {"Interactions": "user-item-interaction.json", "Items": "item.csv", "Users": "user.csv"}


# ------------------------------------------------------------------ crawl: what is there?


def crawl(folder: str | Path) -> pd.DataFrame:
    """Look at the raw files and guess what their columns are; change nothing.

    Returns:
        One row a column: ``file``, ``layout``, ``column``, ``becomes`` (the service's name), ``type``, ``use`` in training,
        ``missing`` and ``distinct`` (cells), ``example``.

    Raises:
        InputError: no known file in the folder, or one cannot be read.
    """
    rows = []
    for kind, path in raw_files(folder).items():
        frame, layout = read_events(path) if kind == "Interactions" else (read_csv(path), "CSV")
        mapped = map_columns(frame, kind, str(path))
        schema = infer(mapped, kind)
        for column, name in zip(frame.columns, mapped.columns, strict=True):
            cells, field = as_text(mapped[name]), schema[name]
            flag = "categorical" if field.categorical else "textual" if field.textual else "-"
            use = flag if field.type == "string" else "number"
            example = cells.dropna().iloc[0] if cells.notna().any() else ""
            rows.append((path.name, layout, column, name, field.type, use, int(cells.isna().sum()), cells.nunique(), example))
    return pd.DataFrame(rows, columns=["file", "layout", "column", "becomes", "type", "use", "missing", "distinct", "example"])


def raw_files(folder: str | Path) -> dict[str, Path]:
    """Return dataset type -> raw file, of those that exist.

    Raises:
        InputError: not a folder, or none of the files is there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the one with {', '.join(FILES.values())}")
    found = {kind: folder / name for kind, name in FILES.items() if (folder / name).is_file()}
    if not found:
        raise InputError(f"{folder}: none of {', '.join(FILES.values())} is there")
    return found


# ------------------------------------------------------------------ transform: read, map, cast, clean, de-duplicate


def read_items(path: str | Path, steps: Steps) -> pd.DataFrame:
    """Read and clean the item file: columns ITEM_ID, ITEM_TITLE, ...; missing and repeated titles are noted, and kept."""
    return _read_table(path, "Items", steps)


def read_users(path: str | Path, steps: Steps) -> pd.DataFrame:
    """Read and clean the user file: columns USER_ID and attributes."""
    return _read_table(path, "Users", steps)


def read_interactions(path: str | Path, steps: Steps) -> pd.DataFrame:
    """Read and clean the JSON interactions: columns USER_ID, ITEM_ID, TIMESTAMP (seconds), then the file's others."""
    frame, layout = read_events(path)
    steps.add(f"read {Path(path).name} ({layout})", len(frame), len(frame))
    frame = map_columns(frame, "Interactions", str(path))
    first = list(REQUIRED["Interactions"])
    frame = frame[first + [name for name in frame if name not in first]]
    frame = cast_times(frame, steps)
    frame = drop_incomplete(frame, "Interactions", steps)
    return drop_repeats(frame, "Interactions", steps)


def map_columns(frame: pd.DataFrame, kind: str, source: str) -> pd.DataFrame:
    """Give the columns the service's names: ids, time and event by their usual spellings, the others in upper case.

    Raises:
        InputError: a required column is not found, or two columns get one name.
    """
    allowed = ("ITEM_ID",) if kind == "Items" else ("USER_ID",) if kind == "Users" else None
    spelled = {name: to for name, to in spelled_as(list(frame.columns)).items() if allowed is None or to in allowed}
    mapped = with_service_names(frame.rename(columns=spelled), source)
    missing = [name for name in REQUIRED[kind] if name not in mapped]
    if missing:
        raise InputError(f"{source}: no column for {', '.join(missing)}; found {', '.join(map(str, frame.columns))}. Rename one")
    return mapped


def cast_times(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    """Turn times written as dates (``2011-12-09 12:50:00``, read as UTC) into Unix seconds; numbers stay as they are."""
    times = frame["TIMESTAMP"]
    if pd.api.types.is_numeric_dtype(times.dtype):
        return frame
    text = as_text(times)
    dates = text.notna() & pd.to_numeric(text, errors="coerce").isna()
    if not dates.any():
        return frame
    parsed = pd.to_datetime(text[dates], format="ISO8601", errors="coerce", utc=True)
    seconds = (parsed - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    numbers = pd.to_numeric(text[~dates]).astype("float64")
    cast = pd.concat([numbers, seconds.astype("float64")]).reindex(frame.index)
    steps.add("cast dates to Unix seconds", len(frame), len(frame), dates=dates.sum(), unreadable=parsed.isna().sum())
    return frame.assign(TIMESTAMP=cast)


def clean_text(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    """Strip blanks around texts and runs of blanks within; a cell of blanks becomes missing."""
    changed, columns = 0, {}
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            tidy = as_text(frame[name].str.replace(r"\s+", " ", regex=True).str.strip())
            changed += int((tidy.fillna("") != frame[name].fillna("")).sum())
            columns[name] = tidy
    steps.add("strip blanks", len(frame), len(frame), cells_changed=changed)
    return frame.assign(**columns)


def drop_incomplete(frame: pd.DataFrame, kind: str, steps: Steps) -> pd.DataFrame:
    """Drop rows without an id or a time."""
    kept = frame.dropna(subset=list(REQUIRED[kind]))
    steps.add(f"drop {kind.lower()} without {' or '.join(REQUIRED[kind])}", len(frame), len(kept))
    return kept


def drop_repeats(frame: pd.DataFrame, kind: str, steps: Steps) -> pd.DataFrame:
    """Drop exact repeats of an interaction, and all but the last row of an item or user."""
    if kind == "Interactions":
        kept = frame.drop_duplicates()
    else:
        kept = frame.drop_duplicates(list(REQUIRED[kind]), keep="last")
    steps.add(f"drop repeated {kind.lower()}", len(frame), len(kept))
    return kept


def merge_repeated_titles(
    items: pd.DataFrame, interactions: pd.DataFrame, steps: Steps, title: str = "ITEM_TITLE"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make one item of all items with the same title (the first id stays) and move their interactions to it.

    Right where ids number sales rather than products, as in the Glue sample; wrong where different products share a name.
    """
    named = items.dropna(subset=[title])
    first = named.groupby(title, sort=False)["ITEM_ID"].transform("first")
    canonical = dict(zip(named["ITEM_ID"], first, strict=True))
    kept = items[items["ITEM_ID"].map(canonical).fillna(items["ITEM_ID"]) == items["ITEM_ID"]]
    steps.add("merge items with the same title", len(items), len(kept))
    ids = as_text(interactions["ITEM_ID"])
    return kept, interactions.assign(ITEM_ID=ids.map(canonical).fillna(ids))


def tables(folder: str | Path, steps: Steps) -> dict[str, pd.DataFrame]:
    """Read and clean all raw files of a folder: dataset type -> table.

    Raises:
        InputError: the interactions are not there, or a file is at fault.
    """
    found = raw_files(folder)
    if "Interactions" not in found:
        raise InputError(
            f"{folder}: {FILES['Interactions']} is not there, so there is nothing to learn from (found "
            f"{', '.join(path.name for path in found.values())}). Put it in this folder; glue.read_items works without it"
        )
    readers = {"Interactions": read_interactions, "Items": read_items, "Users": read_users}
    return {kind: readers[kind](path, steps) for kind, path in found.items()}


# ------------------------------------------------------------------ load: files that the service's import accepts


@dataclass(frozen=True, eq=False)
class Preparation:
    """What :func:`prepare` did: the folder written, the log of steps, and the check of each table."""

    folder: Path
    steps: Steps
    reports: tuple[ImportReport, ...]


def prepare(raw_folder: str | Path, out_folder: str | Path) -> Preparation:
    """Prepare raw files for import: write ``interactions.csv``, ``items.csv``, ``users.csv`` and ``schema.json``.

    The folder appears whole or not at all. One written earlier is replaced; a folder holding anything else is refused.

    Raises:
        InputError: a raw file is missing or at fault, or ``out_folder`` holds other files.
    """
    out, steps = Path(out_folder), Steps()
    _refuse_foreign(out)
    frames = tables(raw_folder, steps)
    schemas = {kind: infer(frame, kind) for kind, frame in frames.items()}
    reports = {kind: check(frame, schemas[kind], source=FILES[kind]) for kind, frame in frames.items()}
    with written_whole(out) as aside:
        for kind, report in reports.items():
            steps.add(f"write {folder.FILES[kind]}", report.rows_read, report.rows_kept)
            write_csv(as_written(report.frame, schemas[kind]), aside / folder.FILES[kind])
        documents = {kind: json.loads(schema.to_json()) for kind, schema in schemas.items()}
        (aside / folder.SCHEMA_FILE).write_text(json.dumps(documents, indent=1, ensure_ascii=False), encoding="utf-8")
    return Preparation(out, steps, tuple(report.summary() for report in reports.values()))


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the prepared data")
    foreign = sorted({path.name for path in out.iterdir()} - {*folder.FILES.values(), folder.SCHEMA_FILE}) if out.exists() else []
    if foreign:
        raise InputError(f"{out} holds other files ({', '.join(foreign[:3])}); name a new or empty folder for the prepared data")


def as_written(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return a checked frame with whole numbers written as such: ``1676367571``, not ``1676367571.0``."""
    whole = {field.name: "Int64" for field in schema.fields if field.type in ("int", "long")}
    flags = {field.name: "object" for field in schema.fields if field.type == "boolean"}
    written = frame.astype(whole | flags)
    return written.assign(**{name: written[name].map({True: "true", False: "false"}) for name in flags})


def _read_table(path: str | Path, kind: str, steps: Steps) -> pd.DataFrame:
    frame = map_columns(read_csv(path), kind, str(path))
    titles = next((frame[name].str.strip().dropna() for name in frame if "TITLE" in name), None)
    found = {} if titles is None else {"missing_titles": len(frame) - len(titles), "repeated_titles": titles.duplicated().sum()}
    steps.add(f"read {Path(path).name}", len(frame), len(frame), **found)
    frame = clean_text(frame, steps)
    frame = drop_incomplete(frame, kind, steps)
    return drop_repeats(frame, kind, steps)
