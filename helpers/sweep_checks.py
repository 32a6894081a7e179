"""What can be known of a parameter's value before a notebook runs: is there such a recipe, split, data set, and do they fit?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from helpers import datasets, report
from helpers.errors import InputError, unknown_name

# The recipes bring PyTorch, which takes seconds: only a notebook that is about recipes waits for them.

RECIPES = ("RECIPE", "BASELINE")
"""The parameters that name a recipe."""


def checks(defaults: Mapping[str, Any]) -> dict[str, Callable[[Any], None]]:
    """Return, for each parameter that means something to this package, a function that raises InputError for a wrong value.

    A notebook may use the same words for something else: a default that is no recipe or no split tells.

    Args:
        defaults: the notebook's parameters.
    """
    found: dict[str, Callable[[Any], None]] = {}
    if named := [name for name in RECIPES if isinstance(defaults.get(name), str)]:
        from helpers import recipes

        found = {name: _recipe_like(name, defaults[name]) for name in named if defaults[name] in recipes.REGISTRY}
    if isinstance(defaults.get("SPLIT"), str):
        from helpers import splits

        if defaults["SPLIT"] in splits.SPLITS:
            found["SPLIT"] = _one_of("split", splits.SPLITS)
    if type(defaults.get("SEED")) is int:
        found["SEED"] = _seed
    return found


class DataFacts:
    """What a plan has to know of a data set, so that it is read once and not kept.

    Attributes:
        about: its name and hash, as a run stores them.
    """

    def __init__(self, name: str):
        data = datasets.load(name)
        self.about, self._has_items, self._too_small = report.about_data(data), data.items is not None, ""
        try:
            data.check_minimum()
        except InputError as fault:
            self._too_small = str(fault)

    def cannot_feed(self, names: Sequence[str]) -> str:
        """Return why one of these recipes cannot learn from the data; empty if all can."""
        from helpers import recipes

        for name in names:
            needs = recipes.get(name).needs
            if self._too_small:
                return self._too_small
            if not self._has_items and "Items with" in needs:  # as each recipe says in words
                return f"{self.about['dataset']} has no data on items, and {name} needs: {needs}"
        return ""


def _recipe_like(parameter: str, default: str) -> Callable[[str], None]:
    """Return a check that a recipe exists and is about the same as the default: items for users, or users for items."""
    from helpers import recipes
    from helpers.recipes.base import USER_SEGMENTATION

    finds_users = recipes.get(default).type == USER_SEGMENTATION

    def check(name: str) -> None:
        if (recipes.get(name).type == USER_SEGMENTATION) != finds_users:
            wanted = "finds users" if finds_users else "recommends items"
            raise InputError(f"{parameter}: this notebook is about a recipe that {wanted}, like {default}; {name} does not")

    return check


def _one_of(kind: str, known: Collection[str]) -> Callable[[str], None]:
    def check(name: str) -> None:
        if name not in known:
            raise unknown_name(kind, name, known)

    return check


def _seed(seed: int) -> None:
    if seed < 0:
        raise InputError(f"SEED {seed}: use 0 or a greater whole number")
