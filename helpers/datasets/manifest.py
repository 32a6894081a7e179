"""The list of named data sets, ``data/datasets.toml``, and where their files are on this machine."""

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from helpers.errors import InputError, unknown_name

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, found from the package's own place, never from the working directory."""
RAW = ROOT / "data" / "raw"
DATA_DIR = "HELPERS_DATA_DIR"
"""Environment variable naming a folder with real data; a relative path counts from the project's folder."""


@dataclass(frozen=True)
class File:
    """One file to download. Without a hash it is never downloaded; ``archive`` marks one to unpack."""

    path: str
    url: str
    bytes: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None
    archive: bool = False

    @property
    def has_hash(self) -> bool:
        return bool(self.sha256 or self.git_sha1)


@dataclass(frozen=True)
class Entry:
    """One named data set, as ``data/datasets.toml`` explains."""

    name: str
    title: str
    licence: str
    source: str
    loader: str
    folder: str = ""
    built_in: str = ""
    files: tuple[File, ...] = ()

    def places(self) -> list[Path]:
        """Return the folders to look in, best first."""
        if self.built_in:
            return [ROOT / self.built_in]
        named = os.environ.get(DATA_DIR)
        return [base / self.folder for base in ([ROOT / Path(named).expanduser()] if named else []) + [RAW]]

    def find(self) -> Path | None:
        """Return the first of :meth:`places` that holds a file, or None."""
        return next((place for place in self.places() if place.is_dir() and any(place.iterdir())), None)

    def locate(self) -> Path:
        """Return the folder with the files.

        Raises:
            InputError: they are not on this machine; the message says how to get them.
        """
        folder = self.find()
        if folder is None:
            looked = " or ".join(map(str, self.places()))
            raise InputError(
                f"data set {self.name!r} is not on this machine: nothing in {looked}. Run: python -m helpers data fetch "
                f"{self.name} - or set {DATA_DIR} to the folder that holds {self.folder or self.built_in}/"
            )
        return folder


@cache
def entries() -> dict[str, Entry]:
    """Return name -> entry of all data sets in the manifest, the default one first."""
    with open(ROOT / "data" / "datasets.toml", "rb") as file:
        content = tomllib.load(file)
    for name, table in content.items():
        if base := table.pop("same_files_as", None):
            content[name] = {**content[base], **table}
    return {name: _entry(name, table) for name, table in content.items()}


def get(name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        InputError: no such data set.
    """
    if name not in entries():
        raise unknown_name("data set", name, entries())
    return entries()[name]


def table() -> pd.DataFrame:
    """Return one row a data set: ``name``, ``title``, ``licence``, ``folder`` on this machine (or empty), ``source``."""
    rows = [(e.name, e.title, e.licence, str(e.find() or ""), e.source) for e in entries().values()]
    return pd.DataFrame(rows, columns=["name", "title", "licence", "folder", "source"])


def _entry(name: str, table: dict) -> Entry:
    files = tuple(File(**file) for file in table.get("files", ()))
    return Entry(name, **{key: value for key, value in table.items() if key != "files"}, files=files)
