"""Shared by all tests: the same digits on every machine, no window, and the folder of real data."""

import os
from pathlib import Path

from helpers import same_digits

os.environ.update(same_digits.VARIABLES)
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402  (the settings above must come before any numerical import)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real data sets, named by HELPERS_DATA_DIR; tests that ask for it are skipped without it."""
    folder = os.environ.get("HELPERS_DATA_DIR")
    if not folder:
        pytest.skip("real data: set HELPERS_DATA_DIR to the folder that holds them")
    return Path(__file__).resolve().parents[1] / Path(folder).expanduser()  # a relative one counts from the project


@pytest.fixture(scope="session")
def spark():
    """One Spark session for all tests of a worker; they are skipped where PySpark or Java is missing, and say which."""
    session = pytest.importorskip("helpers.scale.session")
    reason = session.why_not()
    if reason:
        pytest.skip(reason)
    running = session.local(memory="1g", short=True)
    yield running
    running.stop()
