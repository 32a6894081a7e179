"""Parameters do something: each notebook, run with a changed one, must record another number than its stored output.

The variants are in ``notebook_variants.py``; this file runs every other one, ``test_notebook_params_more.py`` the rest.
"""

import pytest
from notebook_variants import VARIANTS, check, each

from helpers import notebooks, report
from helpers.errors import InputError


@each(VARIANTS[::2])
def test_a_changed_parameter_changes_what_is_recorded(tmp_path, name, changed, differing):
    check(name, changed, differing, tmp_path)


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.stem)
def test_a_wrong_name_or_type_is_refused_before_anything_runs(tmp_path, path):
    parameters = notebooks.parameters_of(path)
    first = next(iter(parameters))
    for wrong in ({f"{first}X": parameters[first]}, {first: [parameters[first]]}):
        with pytest.raises(InputError, match=first):
            report.run(path, out=tmp_path / "out", **wrong)
        assert not (tmp_path / "out").exists()


def test_every_notebook_has_a_variant():
    assert {path.stem for path in notebooks.all_notebooks()} == {name for name, _, _ in VARIANTS}
