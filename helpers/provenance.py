"""Where a number comes from: the versions, the code, the notebook and the data it depends on."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from helpers import __version__

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "numba", "implicit", "scikit-surprise", "torch", "matplotlib")
IDENTITY = ("notebook", "notebook_sha256", "parameters", "data_sha256", "versions", "code_sha256")
"""What makes two runs the same run: with all of these equal, the same numbers must come out. The commit is not among them: it
also changes with a README, and does not change with an uncommitted edit; the hash of the code is right about both."""

_PACKAGE = Path(__file__).resolve().parent


def versions() -> dict[str, str]:
    """Return the versions a result depends on: Python, this package and the numerical libraries."""
    return {"python": platform.python_version(), "helpers": __version__} | {name: version(name) for name in LIBRARIES}


def machine() -> str:
    """Return the system and the kind of processor, e.g. ``Linux x86_64``."""
    return f"{platform.system()} {platform.machine()}"


def commit() -> str | None:
    """Return the git commit of the project, with ``-dirty`` after uncommitted changes; None outside a git clone."""
    command = ["git", "-C", str(_PACKAGE.parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def code_sha256() -> str:
    """Return a hash of all files of this package: what a commit says about the code, true with uncommitted changes too."""
    digest = hashlib.sha256()
    files = (path for path in _PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in sorted(files, key=lambda path: path.relative_to(_PACKAGE).as_posix()):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def notebook_sha256(notebook: str | Path) -> str:
    """Return a hash of what a notebook does: kinds, sources and tags of its cells, not their outputs, ids and metadata."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    told = [[cell["cell_type"], "".join(cell["source"]), cell.get("metadata", {}).get("tags", [])] for cell in cells]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def identity(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a run's provenance that makes it the same run as another; None for what an older run did not store."""
    return {name: about.get(name) for name in IDENTITY}
