"""For the run of all notebooks against their stored outputs: the same digits as under `make`, in each kernel that starts here; a
notebook that cannot run on this machine is skipped, with the reason."""

import os

import pytest

from helpers import notebooks, same_digits

os.environ.update(same_digits.VARIABLES)


def pytest_collection_modifyitems(items):
    for item in items:
        reason = notebooks.why_not(item.path)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
