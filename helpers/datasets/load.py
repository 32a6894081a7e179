"""``load(name_or_folder)``: from files on disk to a :class:`Dataset`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from helpers.datasets import folder, glue, manifest, movielens, online_retail
from helpers.datasets.dataset import Dataset
from helpers.datasets.shop.oracle import Oracle
from helpers.datasets.steps import Steps
from helpers.errors import InputError, unknown_name
from helpers.schemas import Schema, check, infer

DEFAULT = "gift-shop"
LOADERS: dict[str, Callable[[Path, Steps], dict[str, pd.DataFrame]]] = {
    "gift-shop": glue.tables,
    "glue": glue.tables,
    "online-retail": online_retail.read,
    "movielens-ratings": movielens.read_ratings,
    "movielens-clicks": movielens.read_clicks,
    "movielens-as-aws": movielens.read_as_aws,
}
"""Loader name in the manifest -> reader: folder, log of steps -> dataset type -> table."""


def load(name_or_folder: str | Path = DEFAULT, *, strict: bool = False) -> Dataset:
    """Load a data set by its name in ``data/datasets.toml``, or the reader's own from a folder.

    Args:
        name_or_folder: a name, or a folder with ``interactions.csv`` (and ``items.csv``, ``users.csv``, ``schema.json``).
        strict: hold the tables to the documented rules instead of mending what the service mends.

    Raises:
        InputError: unknown name, files not on this machine, or data at fault.
    """
    name = str(name_or_folder)
    if name in manifest.entries():
        return _load_named(manifest.get(name), strict)
    path = find_folder(name)
    if path is None:
        if os.path.isfile(name):
            raise InputError(f"{name} is a file; name the folder that holds it, with interactions.csv in it")
        known = unknown_name("data set", name, manifest.entries())
        raise InputError(f"{known}; or name a folder that holds interactions.csv")
    tables = folder.read(path)
    return build(path.resolve().name, tables.frames, sources=tables.sources, schemas=tables.schemas, strict=strict)


def find_folder(name: str) -> Path | None:
    """Return the folder of that name, from the working directory or else from the project's folder; None if there is none."""
    places = (os.path.expanduser(name), os.path.join(manifest.ROOT, name)) if name.strip() else ()
    return next((Path(place) for place in places if os.path.isdir(place)), None)


def build(
    name: str,
    frames: Mapping[str, pd.DataFrame],
    *,
    sources: Mapping[str, str] | None = None,
    schemas: Mapping[str, Schema] | None = None,
    strict: bool = False,
    **more,
) -> Dataset:
    """Check each table against its schema, given or inferred, and join the clean rows.

    Args:
        frames: dataset type -> table; ``Interactions`` is required.
        sources: dataset type -> file name for messages.
        schemas: dataset type -> schema; a type without one is inferred.
        more: further fields of :class:`Dataset`.

    Raises:
        InputError: as :func:`helpers.schemas.infer` and :func:`helpers.schemas.check`.
    """
    sources = {kind: (sources or {}).get(kind, f"{name} {kind}") for kind in frames}
    chosen = {kind: (schemas or {}).get(kind) or _infer(frame, kind, sources[kind]) for kind, frame in frames.items()}
    reports = {kind: check(frame, chosen[kind], strict=strict, source=sources[kind]) for kind, frame in frames.items()}
    clean = [reports[kind].frame if kind in reports else None for kind in ("Interactions", "Items", "Users")]
    summaries = tuple(report.summary() for report in reports.values())
    return Dataset.from_frames(name, *clean, schemas=chosen, reports=summaries, **more)


def _load_named(entry: manifest.Entry, strict: bool) -> Dataset:
    path, steps = entry.locate(), Steps()
    try:
        frames = LOADERS[entry.loader](path, steps)
    except InputError as fault:
        raise fault if str(path) in str(fault) else InputError(f"{path}: {fault}") from fault
    oracle = Oracle() if entry.loader == "gift-shop" else None
    return build(entry.name, frames, strict=strict, steps=steps, oracle=oracle)


def _infer(frame: pd.DataFrame, kind: str, source: str) -> Schema:
    try:
        return infer(frame, kind)
    except InputError as fault:
        raise InputError(f"{source}: {fault}") from fault
