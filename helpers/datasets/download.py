"""Fetching original files from the network: only when asked, never without a hash, and whole or not at all."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import pooch

from helpers.datasets import manifest
from helpers.datasets.manifest import File
from helpers.errors import InputError

TIMEOUT = 60
"""Seconds without an answer after which a download is given up."""


def fetch(name: str, into: str | Path | None = None) -> Path:
    """Download the files of a named data set that are not there yet.

    Args:
        name: a name in ``data/datasets.toml``.
        into: folder to put them in; by default the data set's folder below ``data/raw/``.

    Returns:
        The folder that holds them.

    Raises:
        InputError: unknown name; a file without a known hash (the message says how to place it by hand); a download
            that fails or whose hash is another.
    """
    entry = manifest.get(name)
    if entry.built_in:
        return entry.locate()
    folder = Path(into) if into is not None else manifest.RAW / entry.folder
    for file in entry.files:
        if not file.has_hash:
            where = f"unpack its files into {folder}" if file.archive else f"save it as {folder / file.path}"
            reason = f"{name}: no hash of {file.path} is known, so it is not downloaded unchecked"
            raise InputError(f"{reason}. Download {file.url} yourself and {where}")
    for file in entry.files:
        target = folder / file.path
        if not (target.is_file() and fault_of(target, file) is None):
            download(file, target)
    return folder


def download(file: File, target: Path) -> None:
    """Download one file: written aside, checked, then renamed; an interrupted or wrong download leaves nothing behind.

    Raises:
        InputError: no hash is known, the server cannot be reached, or the content is not what the hash promises.
    """
    if not file.has_hash:
        raise InputError(f"{file.path}: no hash is known, so it is not downloaded")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as aside:
        part = Path(aside) / "part"
        try:
            pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)(file.url, str(part), None)
        except (OSError, ValueError) as fault:  # every fault of requests is an OSError
            raise InputError(f"{file.url} could not be downloaded ({fault}); try again, or save it as {target}") from fault
        fault = fault_of(part, file)
        if fault:
            raise InputError(f"{file.url}: {fault}; the download was thrown away. The file at that address has changed")
        os.replace(part, target)


def fault_of(path: Path, file: File) -> str | None:
    """Return what is wrong with a file on disk by size and hashes, or None."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        return f"{size:,} bytes instead of {file.bytes:,}"
    if file.sha256 and pooch.file_hash(str(path), alg="sha256") != file.sha256:
        return f"its SHA-256 is not {file.sha256}"
    if file.git_sha1 and git_object_id(path) != file.git_sha1:
        return f"its git object id is not {file.git_sha1}"
    return None


def git_object_id(path: Path) -> str:
    """Return the id under which git stores a file: SHA-1 over ``blob <size>``, a zero byte, and the content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
