"""Parameters do something: the other half of the variants, see ``notebook_variants.py``."""

from notebook_variants import VARIANTS, check, each


@each(VARIANTS[1::2])
def test_a_changed_parameter_changes_what_is_recorded(tmp_path, name, changed, differing):
    check(name, changed, differing, tmp_path)
