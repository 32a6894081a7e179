"""The recipes as the service lists and describes them, from the registry of :mod:`helpers.recipes`."""

import dataclasses
from typing import Any

from helpers import recipes
from helpers.personalize.domains import USE_CASES
from helpers.personalize.errors import not_found

_SINCE = 1560124800.0
"""10 June 2019, when the service was opened."""
_RECIPE, _ALGORITHM, _FEATURES = (f"arn:aws:personalize:::{kind}/" for kind in ("recipe", "algorithm", "feature-transformation"))


def listed(domain: str | None = None) -> list[dict[str, Any]]:
    """Return all recipes in alphabetical order, or those of the recommenders of a domain."""
    if domain:
        return [recipe(name) for name, case in sorted(USE_CASES.items()) if case.domain == domain]
    return [recipe(name) for name in sorted([*recipes.names(), *USE_CASES])]


def recipe(name: str) -> dict[str, Any]:
    """Return one recipe as DescribeRecipe shows it."""
    case = USE_CASES.get(name)
    found = recipes.get(case.recipe if case else name)
    return {
        "name": name,
        "recipeArn": _RECIPE + name,
        "algorithmArn": _ALGORITHM + name,
        "featureTransformationArn": _FEATURES + name,
        "status": "ACTIVE",
        "description": case.description if case else (found.__doc__ or "").split("\n")[0],
        "recipeType": found.type,
        **({"domain": case.domain} if case else {}),
    } | _dates()


def describe(kind: str, arn: str) -> dict[str, Any]:
    """Return a recipe, algorithm or feature transformation by its ARN.

    Raises:
        ServiceError: there is none.
    """
    start = {"Recipe": _RECIPE, "Algorithm": _ALGORITHM, "FeatureTransformation": _FEATURES}[kind]
    name = arn.removeprefix(start)
    if not arn.startswith(start) or name not in {*recipes.names(), *USE_CASES}:
        raise not_found(arn)
    if kind == "Recipe":
        return recipe(name)
    about = {"name": name, "status": "ACTIVE"} | _dates()
    if kind == "FeatureTransformation":
        return about | {"featureTransformationArn": arn, "defaultParameters": {}}
    return about | {"algorithmArn": arn} | _hyperparameters(name)


def _hyperparameters(name: str) -> dict[str, Any]:
    fields = dataclasses.fields(recipes.get(USE_CASES[name].recipe if name in USE_CASES else name))
    kinds = ("integer", "continuous", "categorical")
    ranges: dict[str, list[dict[str, Any]]] = {f"{kind}HyperParameterRanges": [] for kind in kinds}
    for field in fields:
        allowed = field.metadata["range"]
        about = {"name": field.name, "isTunable": allowed.tunable}
        if allowed.choices or field.type in (bool, "bool", str, "str"):
            values = allowed.choices or ("true", "false")
            ranges["categoricalHyperParameterRanges"].append(about | {"values": [str(value) for value in values]})
        elif allowed.low is not None and allowed.high is not None:
            whole = field.type in (int, "int")
            kind = "integer" if whole else "continuous"
            ranges[f"{kind}HyperParameterRanges"].append(about | {"minValue": allowed.low, "maxValue": allowed.high})
    defaults = {field.name: str(field.default) for field in fields}
    return {"defaultHyperParameters": defaults, "defaultHyperParameterRanges": ranges}


def _dates() -> dict[str, float]:
    return {"creationDateTime": _SINCE, "lastUpdatedDateTime": _SINCE}
