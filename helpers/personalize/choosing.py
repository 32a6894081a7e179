"""What a training settles before it learns: fixed hyperparameters, a search for them (HPO), or a recipe among several (AutoML).

Both look at questions inside the training users only; the metrics of the version are measured afterwards, on users that no choice
has seen.
"""

from typing import Any

from helpers import recipes
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.evaluation import NDCG
from helpers.recipes.base import Recipe
from helpers.recipes.objective import Favouring

# The search brings Optuna, which takes a second to load: only trainings that search pay for it.

SPLIT = "personalize"


def choose(known: Dataset, spec: dict[str, Any]) -> tuple[Recipe | Favouring, dict[str, Any]]:
    """Return the recipe to train, and what was found out: ``tunedHPOParams`` after a search, ``bestRecipeArn`` after AutoML.

    Args:
        known: the data of the training.
        spec: ``recipe``, ``hyperparameters``, ``seed``; where it is asked for ``search`` (``ranges``, ``trials``, ``jobs``), or
            ``candidates`` (names of recipes) with their ``metric``; ``objective``, what the recipe shall favour beside.

    Raises:
        InputError: the data are too few, or no candidate accepts them.
    """
    recipe, found = _settled(known, spec)
    wanted = spec.get("objective") or {}
    if wanted.get("objectiveSensitivity", "OFF") == "OFF":
        return recipe, found
    return Favouring(recipe, wanted["itemAttribute"], wanted["objectiveSensitivity"]), found


def _settled(known: Dataset, spec: dict[str, Any]) -> tuple[Recipe, dict[str, Any]]:
    if spec.get("candidates"):
        name = _best_recipe(known, spec["candidates"], spec.get("metric") or NDCG, spec["seed"])
        return recipes.create(name), {"bestRecipeArn": f"arn:aws:personalize:::recipe/{name}"}
    if not spec.get("search"):
        return recipes.create(spec["recipe"], spec["hyperparameters"]), {}
    from helpers import tuning

    found = tuning.search(known, spec["recipe"], fixed=spec["hyperparameters"], split=SPLIT, seed=spec["seed"], **spec["search"])
    return found.tuned, {"tunedHPOParams": {"algorithmHyperParameters": found.algorithm_hyperparameters}}


def _best_recipe(known: Dataset, candidates: list[str], metric: str, seed: int) -> str:
    from helpers.tuning import Questions, training_part

    questions, found, reasons = Questions.of(training_part(known, SPLIT, seed), SPLIT, seed, metric, 1), {}, []
    for name in candidates:
        try:
            found[name] = questions.measure(recipes.create(name), 0)
        except InputError as reason:
            reasons.append(f"{name}: {reason}")
    if not found:
        raise InputError(f"none of the recipes accepts the data ({'; '.join(reasons)})")
    return max(found, key=lambda name: (found[name], -candidates.index(name)))
