"""Hyperparameter search: which settings of a recipe suit these data, found without a look at the test users.

``found = tuning.search(dataset, "aws-sims", trials=30)``; ``found.algorithm_hyperparameters`` are the best values as the service
takes them, ``found.improvement()`` says on untouched test users whether they were worth the search.
"""

from helpers.tuning.ranges import Space, default_ranges, parse_ranges
from helpers.tuning.result import Improvement, Search
from helpers.tuning.searching import check_request, search
from helpers.tuning.validation import Questions, training_part

__all__ = [
    "Improvement",
    "Questions",
    "Search",
    "Space",
    "check_request",
    "default_ranges",
    "parse_ranges",
    "search",
    "training_part",
]
