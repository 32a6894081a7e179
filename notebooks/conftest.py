"""For the run of all notebooks against their stored outputs: those that cannot run here are skipped, with the reason."""

import pytest

from helpers import notebooks


def pytest_collection_modifyitems(items):
    for item in items:
        reason = notebooks.why_not(item.path)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
