"""A trained model on disk: ``model.json`` says what it is, ``arrays.safetensors`` holds its numbers. Nothing to execute."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from helpers.errors import InputError


def write_model_files(folder: str | Path, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a description and arrays into a new ``folder``; it appears whole or not at all.

    Raises:
        InputError: the folder exists already.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} exists already; a trained model is never overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        save_file(dict(arrays), aside / "arrays.safetensors")
        described = {**about, "arrays_sha256": _sha256(aside / "arrays.safetensors")}
        (aside / "model.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_model_files(folder: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what :func:`write_model_files` wrote: the description and the arrays. Nothing in the files is executed.

    Raises:
        InputError: a file is missing, unreadable, cut short, changed since it was saved, or not of this form.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        _check_description(about)
        if _sha256(folder / "arrays.safetensors") != about["arrays_sha256"]:
            raise ValueError("arrays.safetensors is not the file that was saved with model.json")
        arrays = load_file(folder / "arrays.safetensors")
    except (OSError, ValueError, RecursionError, SafetensorError) as fault:
        raise InputError(f"{folder} does not hold a saved model: {fault}") from fault
    return about, arrays


def _check_description(about: Any) -> None:
    expected = {"recipe": str, "hyperparameters": dict, "arrays_sha256": str, "item_ids": list}
    for name, kind in expected.items():
        if not isinstance(about, dict) or not isinstance(about.get(name), kind):
            raise ValueError(f"model.json lacks a valid field {name!r}")
    if not all(isinstance(item, str) for item in about["item_ids"]):
        raise ValueError("model.json holds an item id that is not text")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_array(arrays: Mapping[str, np.ndarray], name: str, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return the array of that name if it has this dtype and shape (None = any length); for a model's ``check``.

    Raises:
        ValueError: it has not.
    """
    array = arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != len(shape):
        raise ValueError(f"the array {name!r} is missing or of a wrong type")
    if any(want is not None and have != want for have, want in zip(array.shape, shape, strict=True)):
        raise ValueError(f"the array {name!r} has shape {array.shape}")
    return array
