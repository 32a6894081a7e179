"""What a run leaves on disk, and reading it back: ``records.json``, the same bytes each time, and ``provenance.json``.

``records.json`` holds what must not change when a run is repeated: notebook and its hash, parameters, data set and its hash, the
recorded numbers. ``provenance.json`` holds what may: versions, code, commit, machine, seconds, the moment it finished.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.errors import InputError

REPRODUCIBLE = ("notebook", "notebook_sha256", "parameters", "dataset", "data_sha256", "records")
RECORDS, PROVENANCE = "records.json", "provenance.json"
_SINGLE = str | int | float | bool


def write(folder: Path, about: Mapping[str, Any], records: Mapping[str, Any], prefix: str = "") -> None:
    """Write both files into a folder.

    Args:
        about: everything known of the run besides its records.
        prefix: in front of both names, where one folder holds several runs.
    """
    stable = {name: about.get(name) for name in REPRODUCIBLE[:-1]} | {"records": dict(records)}
    volatile = {name: value for name, value in about.items() if name not in REPRODUCIBLE}
    for name, content in ((RECORDS, stable), (PROVENANCE, volatile)):
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{prefix}{name}").write_text(text, encoding="utf-8")


def read(path: str | Path) -> dict[str, Any]:
    """Return everything that one run stored, and an ``id`` made of its contents (8 hexadecimal digits or more tell runs apart).

    Args:
        path: its file of records. A file of an earlier release, which held the provenance too, is read as well.

    Raises:
        InputError: one of the two files is missing, is no JSON or not what a run writes; the message names it and the fault.
    """
    path = Path(path)
    stored, content = _object(path)
    if "versions" not in stored:
        more, about = _object(path.with_name(path.name.removesuffix(RECORDS) + PROVENANCE))
        stored, content = stored | more, content + about
    expected = {"notebook": str, "parameters": dict, "records": dict, "versions": dict, "finished": str}
    for name, kind in expected.items():
        if not isinstance(stored.get(name), kind):
            raise InputError(f"{path}: {name} is missing or not what a run writes")
    odd = [name for name, value in stored["records"].items() if not isinstance(value, _SINGLE)]
    if odd:
        raise InputError(f"{path}: the record {odd[0]!r} is no number, text or boolean")
    return stored | {"id": hashlib.sha256(content).hexdigest()}


def find(root: Path) -> list[Path]:
    """Return the files of records below a folder; hidden folders, where runs are under way, are left out."""
    found = (path.relative_to(root) for path in root.rglob(f"*{RECORDS}"))
    return sorted(root / path for path in found if not any(part.startswith(".") for part in path.parts))


def is_number(value: Any) -> bool:
    """Return whether a recorded value is a number that a mean makes sense of."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def main_record(records: Mapping[str, Any]) -> str | None:
    """Return the name of the first fraction that a notebook recorded, or else of its first number; None without one."""
    numbers = [name for name, value in records.items() if is_number(value)]
    return next((name for name in numbers if isinstance(records[name], float)), next(iter(numbers), None))


def _object(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = path.read_bytes()
        found = json.loads(content)
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise InputError(f"{path} is no JSON: {fault}") from fault
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object")
    return found, content
