"""What must hold before a solution, a solution version or a recommender is made or changed.

Every check raises ServiceError or InputError and changes nothing.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from helpers import metrics, recipes
from helpers.errors import unknown_name
from helpers.personalize import trainings
from helpers.personalize.domains import USE_CASES
from helpers.personalize.errors import invalid, limit
from helpers.personalize.groups import Groups
from helpers.personalize.resources import ACTIVE, Resources
from helpers.recipes.base import USER_PERSONALIZATION

UPDATABLE = "aws-user-personalization"
"""The recipe whose versions can be updated without a training, and whose campaigns explore."""

OBJECTIVE_RECIPES = ("aws-user-personalization", "aws-personalized-ranking")

_RECIPE = "arn:aws:personalize:::recipe/"
_MAX_RECOMMENDERS = 5


class SolutionRules:
    """Checks of everything that is trained."""

    def __init__(self, resources: Resources, groups: Groups):
        self._all, self._groups = resources, groups

    def create_solution(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check CreateSolution; return the members that it adds."""
        config, automatic = given.get("solutionConfig", {}), given.get("performAutoML", False)
        if given.get("performIncrementalUpdate"):
            raise invalid("performIncrementalUpdate is not served; create versions with trainingMode UPDATE instead")
        if automatic:
            self._check_auto_ml(given, config)
        else:
            name = _custom_recipe(given.get("recipeArn"))
            recipes.create(name, trainings.hyperparameters(config))
            _check_search(name, given, config)
        self._check_data(given["datasetGroupArn"], config)
        _check_events(config, given)
        _check_schedule(config.get("autoTrainingConfig", {}))
        self._check_objective(given, config.get("optimizationObjective", {}))
        switches = ("performHPO", "performAutoML", "performAutoTraining")
        return {name: given.get(name, False) for name in switches}

    def create_version(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check CreateSolutionVersion; return the members that it adds."""
        solution = self._all.get(given["solutionArn"])
        mode, recipe = given.get("trainingMode", "FULL"), solution.get("recipeArn", "").rsplit("/", 1)[-1]
        if mode == "UPDATE":
            full = self._all.all("SolutionVersion", solutionArn=given["solutionArn"], status=ACTIVE, trainingMode="FULL")
            if recipe != UPDATABLE or not full:
                raise invalid(f"trainingMode UPDATE needs {UPDATABLE} and an ACTIVE version trained with FULL")
        if mode == "AUTOTRAIN":
            raise invalid("trainingMode AUTOTRAIN is chosen by the service; set performAutoTraining on the solution")
        return version_of(solution) | {"trainingMode": mode, "trainingType": "MANUAL"}

    def update_solution(self, record: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Check UpdateSolution."""
        if given.get("performIncrementalUpdate"):
            raise invalid("performIncrementalUpdate is not served; create versions with trainingMode UPDATE instead")
        config = given.get("solutionUpdateConfig", {})
        _check_events(config, record)
        _check_schedule(config.get("autoTrainingConfig", {}))

    def create_recommender(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check CreateRecommender; return the members that it adds."""
        group, name = self._all.get(given["datasetGroupArn"], "DatasetGroup"), given["recipeArn"].rsplit("/", 1)[-1]
        case = USE_CASES.get(name)
        if case is None:
            raise invalid(f"{given['recipeArn']} is no recipe of a recommender; known: {', '.join(USE_CASES)}")
        if group.get("domain") != case.domain:
            raise invalid(f"{name} is for dataset groups of the domain {case.domain}; this one has {group.get('domain', 'none')}")
        if len(self._all.all("Recommender", datasetGroupArn=given["datasetGroupArn"])) >= _MAX_RECOMMENDERS:
            raise limit(f"at most {_MAX_RECOMMENDERS} recommenders are allowed in a dataset group")
        config = given.get("recommenderConfig", {})
        self.check_recommender_config(given, config)
        return {"recommenderConfig": {"minRecommendationRequestsPerSecond": 1} | config, "folder": uuid.uuid4().hex}

    def check_recommender_config(self, record: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Check the configuration of a recommender."""
        case = USE_CASES[record["recipeArn"].rsplit("/", 1)[-1]]
        check_exploration(case.recipe, config.get("itemExplorationConfig", {}))
        self._check_data(record["datasetGroupArn"], config)

    def _check_auto_ml(self, given: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        if given.get("recipeArn"):
            raise invalid("performAutoML chooses the recipe; leave out recipeArn")
        if given.get("performHPO"):
            raise invalid("performAutoML and performHPO exclude each other")
        for arn in config.get("autoMLConfig", {}).get("recipeList", ()):
            name = _custom_recipe(arn)
            if recipes.get(name).type != USER_PERSONALIZATION:
                raise invalid(f"autoMLConfig: {name} is no recipe of the type {USER_PERSONALIZATION}")
        metric = config.get("autoMLConfig", {}).get("metricName")
        if metric and metric not in metrics.PER_USER:
            raise unknown_name("autoMLConfig: metricName", metric, metrics.PER_USER)

    def _check_objective(self, given: Mapping[str, Any], objective: Mapping[str, str]) -> None:
        if not objective:
            return
        if given.get("recipeArn", "").removeprefix(_RECIPE) not in OBJECTIVE_RECIPES:
            raise invalid(f"optimizationObjective is for {' and '.join(OBJECTIVE_RECIPES)} only")
        items = self._groups.schemas(given["datasetGroupArn"]).get("Items")
        name = objective.get("itemAttribute", "")
        field = next((field for field in items.fields if field.name == name), None) if items else None
        if field is None or field.type not in ("int", "long", "float", "double"):
            raise invalid(f"optimizationObjective: itemAttribute {name!r} is no numeric column of the Items dataset")

    def _check_data(self, group: str, config: Mapping[str, Any]) -> None:
        columns = config.get("trainingDataConfig", {})
        if columns.get("includedDatasetColumns") and columns.get("excludedDatasetColumns"):
            raise invalid("trainingDataConfig: give includedDatasetColumns or excludedDatasetColumns, not both")
        for schema in self._groups.schemas(group).values() if columns else ():
            trainings.narrowed(schema, columns)


def version_of(solution: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new version takes over from its solution, and a folder of its own."""
    copied = ("performHPO", "performAutoML", "recipeArn", "datasetGroupArn", "eventType", "solutionConfig")
    return {name: solution[name] for name in copied if name in solution} | {"folder": uuid.uuid4().hex}


def check_exploration(recipe: str, config: Mapping[str, str]) -> None:
    """Check an ``itemExplorationConfig`` against the recipe that answers."""
    if config and recipe != UPDATABLE:
        raise invalid("itemExplorationConfig is for aws-user-personalization only")
    for name, text in config.items():
        high = {"explorationWeight": 1.0, "explorationItemAgeCutOff": float("inf")}.get(name)
        if high is None or not _is_number(text) or not 0 <= float(text) <= high:
            raise invalid(f"itemExplorationConfig: {name} = {text!r} is not allowed; explorationWeight is 0 to 1, "
                          "explorationItemAgeCutOff a number of days")  # fmt: skip


def _custom_recipe(arn: str | None) -> str:
    """Return the name of a recipe for solutions."""
    if not arn:
        raise invalid("recipeArn is required")
    name = arn.removeprefix(_RECIPE)
    if name in USE_CASES:
        raise invalid(f"{name} is a recipe of recommenders; use CreateRecommender")
    if name not in recipes.names():
        raise invalid(f"there is no recipe {arn}; known: {', '.join(recipes.names())}")
    return name


def _check_search(name: str, given: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Check a search for hyperparameters before any data is looked at."""
    if not given.get("performHPO"):
        return
    from helpers import tuning  # with Optuna, a second to load

    if config.get("hpoConfig", {}).get("hpoObjective"):
        raise invalid("hpoConfig: hpoObjective cannot be configured; the search maximises NDCG at 25")
    asked = trainings.searched(given, config)
    tuning.check_request(name, fixed=asked["hyperparameters"], **asked["search"])


def _check_events(config: Mapping[str, Any], solution: Mapping[str, Any]) -> None:
    threshold = config.get("eventValueThreshold")
    if threshold is not None and not _is_number(threshold):
        raise invalid(f"eventValueThreshold {threshold!r} is no number")
    several = config.get("eventsConfig", {}).get("eventParametersList", [])
    if several and (solution.get("eventType") or threshold is not None):
        raise invalid("eventsConfig: the events are chosen by eventType and eventValueThreshold already; give one or the other")
    if len({one.get("weight", 1.0) for one in several}) > 1:
        raise invalid("eventsConfig: different weights are not served, the chosen events count alike; leave the weights out")


def _check_schedule(config: Mapping[str, Any]) -> None:
    text = config.get("schedulingExpression")
    if text and not 1 <= int(text.removeprefix("rate(").split(" ")[0]) <= 30:
        raise invalid(f"autoTrainingConfig: {text} is not allowed; write rate(1 day) to rate(30 days)")


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
