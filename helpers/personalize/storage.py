"""Where ``s3://bucket/key`` leads: a folder under the home, ``<home>/s3/bucket/key``."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import InputError


class FolderStorage:
    """S3 played by a folder: a bucket is a folder, a key a path below it.

    Args:
        root: the folder that holds the buckets.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def path(self, location: str) -> Path:
        """Return the path behind a location; it never leads out of :attr:`root`.

        Raises:
            InputError: it is no ``s3://bucket/key``, or has parts that a path must not have.
        """
        found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,62})(?:/(.*))?", location, re.DOTALL)
        parts = (found[2] or "").split("/") if found else []
        parts = parts[:-1] if parts and not parts[-1] else parts
        if not found or any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
            raise InputError(f"Invalid S3 path {location!r}: write s3://bucket/folder/file with plain names")
        path = self.root.joinpath(found[1], *parts)
        if not path.resolve().is_relative_to(self.root.resolve()):  # a link that leads elsewhere
            raise InputError(f"Invalid S3 path {location!r}: it leads out of the home")
        return path

    @contextmanager
    def fetch(self, location: str, *, deep: bool = False) -> Iterator[list[Path]]:
        """Yield the file of a location, or the files of a folder (a location that ends with ``/``), sorted by name.

        Args:
            location: ``s3://bucket/key``.
            deep: take the files of folders in the folder too.

        Raises:
            InputError: there is nothing.
        """
        path = self.path(location)
        if location.endswith("/") and path.is_dir():
            found = sorted(p for p in (path.rglob("*") if deep else path.iterdir()) if p.is_file() and not p.name.startswith("."))
        else:
            found = [path] if path.is_file() else []
        if not found:
            raise InputError(
                f"Insufficient privileges for accessing data in Amazon S3: there is no {location} (looked at {path})"
            )
        yield found

    def save(self, file: Path, location: str) -> None:
        """Copy a file to a location; it appears whole or not at all."""
        target = self.path(location)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.part")
        shutil.copyfile(file, aside)
        os.replace(aside, target)
