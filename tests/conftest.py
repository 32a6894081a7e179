"""Shared by all tests: one thread a process, no window, and the folder of real data."""

import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402  (the settings above must come before any numerical import)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real data sets, named by HELPERS_DATA_DIR; tests that ask for it are skipped without it."""
    folder = os.environ.get("HELPERS_DATA_DIR")
    if not folder:
        pytest.skip("real data: set HELPERS_DATA_DIR to the folder that holds them")
    return Path(__file__).resolve().parents[1] / Path(folder).expanduser()  # a relative one counts from the project
