"""Where a number comes from: the versions and the commit it depends on."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from helpers import __version__

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "numba", "implicit", "scikit-surprise", "matplotlib")


def versions() -> dict[str, str]:
    """Return the versions a result depends on: Python, this package and the numerical libraries."""
    return {"python": platform.python_version(), "helpers": __version__} | {name: version(name) for name in LIBRARIES}


def commit() -> str | None:
    """Return the git commit of the project, with ``-dirty`` after uncommitted changes; None outside a git clone."""
    root = str(Path(__file__).resolve().parents[1])
    command = ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
