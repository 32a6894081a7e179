"""The ready-made recommenders of the two domains: what each learns from, which recipe answers it, and what it leaves out.

A recommender is a solution and a campaign in one, for a use case that the service knows by name. Which algorithm stands behind a
use case is not published; here it is the recipe that answers the same question in a custom dataset group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ECOMMERCE, VIDEO = "ECOMMERCE", "VIDEO_ON_DEMAND"


@dataclass(frozen=True)
class UseCase:
    """One recommender of a domain (developer guide, "ECOMMERCE use cases" and "VIDEO_ON_DEMAND use cases").

    Attributes:
        domain: of the dataset groups that may use it.
        recipe: what is trained.
        learns_from: the type of the events to learn from, in any case of letters; None = all events.
        leaves_out: items with such an event of the asking user are never recommended to that user; None = nothing.
        description: one sentence.
    """

    domain: str
    recipe: str
    learns_from: str | None
    leaves_out: str | None
    description: str


USE_CASES: Mapping[str, UseCase] = {
    "aws-ecomm-popular-items-by-views": UseCase(
        ECOMMERCE, "aws-popularity-count", "View", None, "What is looked at most; the same for everybody."
    ),
    "aws-ecomm-popular-items-by-purchases": UseCase(
        ECOMMERCE, "aws-popularity-count", "Purchase", None, "The best sellers; the same for everybody."
    ),
    "aws-ecomm-frequently-bought-together": UseCase(
        ECOMMERCE, "aws-sims", "Purchase", None, "What is bought in the same session as an item."
    ),
    "aws-ecomm-customers-who-viewed-x-also-viewed": UseCase(
        ECOMMERCE,
        "aws-similar-items",
        "View",
        "Purchase",
        "What is looked at by those who look at an item, without what the user has bought.",
    ),
    "aws-ecomm-recommended-for-you": UseCase(
        ECOMMERCE, "aws-user-personalization", None, "Purchase", "What suits a user, without what the user has bought."
    ),
    "aws-vod-most-popular": UseCase(
        VIDEO, "aws-popularity-count", "Watch", None, "What is watched most; the same for everybody."
    ),
    "aws-vod-trending-now": UseCase(
        VIDEO, "aws-trending-now", "Watch", None, "What gains viewers fastest; the same for everybody."
    ),
    "aws-vod-because-you-watched-x": UseCase(
        VIDEO, "aws-sims", "Watch", "Watch", "What is watched in the same session as an item, without what the user has watched."
    ),
    "aws-vod-more-like-x": UseCase(
        VIDEO, "aws-similar-items", "Watch", "Watch", "What is like an item, without what the user has watched."
    ),
    "aws-vod-top-picks": UseCase(
        VIDEO, "aws-user-personalization", None, "Watch", "What suits a user, without what the user has watched."
    ),
}


def use_case_of(record: Mapping[str, Any]) -> UseCase | None:
    """Return the use case behind a resource with a ``recipeArn``; None for a custom recipe."""
    return USE_CASES.get(record.get("recipeArn", "").rsplit("/", 1)[-1])
