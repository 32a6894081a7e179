"""The reader's own data: a folder with ``interactions.csv`` and optionally ``items.csv``, ``users.csv``, ``schema.json``."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from helpers.datasets.csv_files import decode, read_bytes, read_csv
from helpers.errors import InputError
from helpers.schemas import Schema

FILES = {"Interactions": "interactions.csv", "Items": "items.csv", "Users": "users.csv"}
SCHEMA_FILE = "schema.json"


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables by dataset type, as read; their file names for messages; and the schemas that came with them."""

    frames: dict[str, pd.DataFrame]
    sources: dict[str, str] = field(default_factory=dict)
    schemas: dict[str, Schema] = field(default_factory=dict)


def read(folder: Path) -> Tables:
    """Read the tables of a folder; a table without a schema gets upper-case column names (``Unit price`` -> ``UNIT_PRICE``).

    Raises:
        InputError: there is no ``interactions.csv``, a file cannot be read, or ``schema.json`` holds no schemas.
    """
    found = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    if FILES["Interactions"] not in found:
        names = ", ".join(sorted(found)) or "nothing"
        raise InputError(
            f"{folder}: there is no interactions.csv (found {names}); a data folder holds interactions.csv and optionally "
            "items.csv, users.csv, schema.json"
        )
    paths = {kind: found[name] for kind, name in FILES.items() if name in found}
    schemas = read_schemas(found[SCHEMA_FILE]) if SCHEMA_FILE in found else {}
    frames = {kind: read_csv(path) for kind, path in paths.items()}
    for kind, frame in frames.items():
        if kind not in schemas:
            frames[kind] = with_service_names(frame, str(paths[kind]))
    return Tables(frames, {kind: str(path) for kind, path in paths.items()}, schemas)


def read_schemas(path: Path) -> dict[str, Schema]:
    """Read one schema document, or an object or list of several; return dataset type -> schema.

    Raises:
        InputError: not JSON, or a schema breaks a rule.
    """
    try:
        content = json.loads(decode(read_bytes(path), str(path)))
    except (json.JSONDecodeError, RecursionError) as fault:
        raise InputError(f"{path}: not valid JSON ({fault})") from fault
    if isinstance(content, dict) and content and all(isinstance(part, dict) for part in content.values()):
        content = list(content.values())
    documents = content if isinstance(content, list) else [content]
    try:
        schemas = [Schema.parse(document) for document in documents]
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault
    return {schema.dataset_type: schema for schema in schemas}


def with_service_names(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the frame with column names in upper case, other signs than letters and digits as ``_``.

    Raises:
        InputError: two columns get the same name.
    """
    names = [re.sub(r"\W+", "_", name.strip()).strip("_").upper() for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{source}: two columns are called {twice[0] or 'nothing'}; rename or remove one")
    return frame.set_axis(names, axis=1)
