"""The recipes, by the service's names: ``recipes.get("aws-sims")(min_cointeraction_count=2).fit(dataset)``."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.errors import InputError, unknown_name
from helpers.interactions import Vocabulary
from helpers.recipes.base import Model, Recipe
from helpers.recipes.content_based import ContentBased, ContentModel
from helpers.recipes.hrnn import Hrnn, HrnnColdstart, HrnnMetadata
from helpers.recipes.hrnn_model import HrnnModel
from helpers.recipes.item_affinity import ItemAffinity, ItemAffinityModel
from helpers.recipes.item_attribute_affinity import ItemAttributeAffinity, ItemAttributeAffinityModel
from helpers.recipes.model_files import read_model_files
from helpers.recipes.personalized_ranking import PersonalizedRanking, PersonalizedRankingModel
from helpers.recipes.popularity_count import PopularityCount, PopularityModel
from helpers.recipes.similar_items import SimilarItems, SimilarItemsModel
from helpers.recipes.sims import Sims, SimsModel
from helpers.recipes.trending_now import TrendingModel, TrendingNow
from helpers.recipes.user_personalization import UserPersonalization, UserPersonalizationModel

REGISTRY: dict[str, tuple[type[Recipe], type[Model]]] = {
    recipe.name: (recipe, model)
    for recipe, model in [
        (PopularityCount, PopularityModel),
        (TrendingNow, TrendingModel),
        (Sims, SimsModel),
        (SimilarItems, SimilarItemsModel),
        (ContentBased, ContentModel),
        (Hrnn, HrnnModel),
        (HrnnMetadata, HrnnModel),
        (HrnnColdstart, HrnnModel),
        (UserPersonalization, UserPersonalizationModel),
        (PersonalizedRanking, PersonalizedRankingModel),
        (ItemAffinity, ItemAffinityModel),
        (ItemAttributeAffinity, ItemAttributeAffinityModel),
    ]
}
"""Recipe name -> the recipe and the model it makes. A new recipe is one line here."""


def names() -> list[str]:
    """Return the names of all recipes, in the order in which the lessons introduce them."""
    return list(REGISTRY)


def get(name: str) -> type[Recipe]:
    """Return the recipe class of that name (an ARN works too): call it with hyperparameters.

    Raises:
        InputError: no such recipe; the message lists the nearest names.
    """
    short = name.rsplit("recipe/", 1)[-1]
    if short not in REGISTRY:
        raise unknown_name("recipe", name, REGISTRY)
    return REGISTRY[short][0]


def create(name: str, hyperparameters: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe by name and hyperparameters as typed by a user (strings are converted).

    Raises:
        InputError: unknown recipe or hyperparameter, or a value out of range.
    """
    return get(name).create(hyperparameters or {})


def load(folder: str | Path) -> Model:
    """Load a model that ``model.save(folder)`` wrote. Nothing is unpickled or executed.

    Raises:
        InputError: the folder holds no model, a damaged one, or one of an unknown recipe.
    """
    about, arrays = read_model_files(folder)
    recipe = create(about["recipe"], about["hyperparameters"])
    item_ids = Vocabulary(about["item_ids"])
    if item_ids.ids.tolist() != about["item_ids"]:
        raise InputError(f"{folder}: model.json lists item ids out of order or twice")
    model = REGISTRY[recipe.name][1](recipe, item_ids, arrays)
    try:
        model.check()
    except ValueError as fault:
        raise InputError(f"{folder} does not hold a sound {recipe.name} model: {fault}") from fault
    return model


def describe() -> pd.DataFrame:
    """Return a table with a row a hyperparameter: recipe, type, data needed, name, default, range, tunable, meaning, source."""
    rows = []
    for recipe, _ in REGISTRY.values():
        about = {"recipe": recipe.name, "type": recipe.type, "needs": recipe.needs, "source": recipe.source}
        fields = dataclasses.fields(recipe)
        for field in fields:
            allowed = field.metadata["range"]
            more = {"default": field.default, "range": str(allowed), "tunable": allowed.tunable, "meaning": allowed.doc}
            rows.append(about | {"hyperparameter": field.name} | more)
        if not fields:
            nothing = {"hyperparameter": "", "default": "", "range": "", "tunable": False, "meaning": "no hyperparameters"}
            rows.append(about | nothing)
    return pd.DataFrame(rows)
