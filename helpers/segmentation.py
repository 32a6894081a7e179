"""How good are segments? Hide the newest 20 % of every user's events, ask who will take an item, look who did.

    questions = segmentation.item_questions(shop)                 # or attribute_questions(shop)
    record = segmentation.evaluate(questions, "aws-item-affinity")
    baseline = segmentation.evaluate(questions, "most active users")
    evaluation.compare([record, baseline], "hits_at_1_percent")

A query counts if at least one user took one of its items in the hidden part, and none of the users is left out: the segment is
drawn from everybody with an interaction in the training part. Sources: Amazon Personalize developer guide, "Evaluating a solution
version" for the split and the metrics.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from helpers import metrics, provenance, recipes, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.evaluation import Record, peak_memory
from helpers.interactions import Histories
from helpers.recipes.attributes import Attributes
from helpers.recipes.base import USER_SEGMENTATION, Recipe
from helpers.recipes.item_attribute_affinity import ItemAttributeAffinity
from helpers.recipes.segment_model import BLOCK_CELLS, first_users, item_sets
from helpers.segment_baselines import BASELINES

HITS, RECALL = "hits_at_1_percent", "recall_at_1_percent"
MAX_QUERIES = 500
"""As many as a batch segment job of Item-Affinity takes."""


@dataclass(frozen=True, eq=False)
class Questions:
    """What is asked of a recipe, and who the right users are.

    Attributes:
        dataset: the training part.
        queries: ``n`` item codes or attribute queries, as the model takes them.
        names: what people call each query, ``(n,)`` str.
        sets: the items of each query, float32 ``(n, n_items)``, 1 at each.
        truth: row by row, the codes (in ``items``) of the users who took one of them in the hidden part, each once.
        seed: drew the queries and seeds the training. shuffle_ties: whether events of one second were shuffled first.
        sha256: hash of the whole dataset.
    """

    dataset: Dataset
    queries: Sequence[Any]
    names: np.ndarray
    sets: sp.csr_matrix
    truth: Histories
    seed: int
    shuffle_ties: bool
    sha256: str

    @property
    def n_users(self) -> int:
        """Users who could be in a segment: those with an interaction in the training part."""
        return int((self.dataset.interactions.histories.lengths > 0).sum())


def item_questions(dataset: Dataset, seed: int = 0, *, at_most: int = MAX_QUERIES, shuffle_ties: bool = False) -> Questions:
    """Ask about items that are in the training part and were taken in the hidden part; ``at_most`` are drawn.

    Raises:
        InputError: too little data to train on, or nothing to ask about.
    """
    parts = _split(dataset, seed, shuffle_ties)
    codes = np.intersect1d(parts.train.items, parts.truth.items)
    codes = np.sort(np.random.default_rng(seed).permutation(codes)[:at_most])
    sets = item_sets(codes[:, None], dataset.interactions.n_items)
    return _questions(dataset, parts, codes, dataset.titles[codes], sets, seed, shuffle_ties)


def attribute_questions(
    dataset: Dataset,
    seed: int = 0,
    *,
    columns: Sequence[str] | None = None,
    at_most: int = MAX_QUERIES,
    shuffle_ties: bool = False,
) -> Questions:
    """Ask about every value of every item attribute, and every two values that some item has together; ``at_most`` are drawn.

    Args:
        columns: only values of these columns; None = all.

    Raises:
        InputError: too little data to train on, no item attributes, an unknown column, or nothing to ask about.
    """
    parts = _split(dataset, seed, shuffle_ties)
    attributes = Attributes.of(dataset).only(columns)
    drawn = attributes.single_and_paired(np.random.default_rng(seed), at_most)
    queries = [attributes.query(*values) for values in drawn]
    names = np.array([str(query) for query in queries], object)
    sets = item_sets([attributes.items_of(query) for query in queries], dataset.interactions.n_items)
    return _questions(dataset, parts, queries, names, sets, seed, shuffle_ties)


def questions_for(recipe: Recipe, dataset: Dataset, seed: int = 0) -> Questions:
    """Ask what a segmentation recipe answers: about attributes where it takes attribute queries, else about items."""
    ask = attribute_questions if recipe.name == ItemAttributeAffinity.name else item_questions
    return ask(dataset, seed)


def about(
    dataset: Dataset,
    queries: Sequence[Any],
    *,
    items_of: Callable[[Any], np.ndarray],
    names: Sequence[str],
    seed: int = 0,
    shuffle_ties: bool = False,
) -> Questions:
    """Ask about queries of your own.

    Args:
        items_of: from a query to its item codes, e.g. the method of a trained segmentation model.
        names: what to call each query.

    Raises:
        InputError: too little data to train on, or nobody took any of the items in the hidden part.
    """
    sets = item_sets([items_of(query) for query in queries], dataset.interactions.n_items)
    return _questions(dataset, _split(dataset, seed, shuffle_ties), queries, np.array(names, object), sets, seed, shuffle_ties)


def evaluate(questions: Questions, method: Recipe | str) -> Record:
    """Train, make the segment of each query, and count the right users among the first 1 %.

    Args:
        method: a recipe of type USER_SEGMENTATION or its name, or the name of one of :data:`BASELINES`.

    Returns:
        A record whose ``per_user`` holds values a *query*, in the order of ``users``, which holds the queries' names.

    Raises:
        InputError: no such recipe or baseline, or one that makes no segments.
    """
    data, k = questions.dataset, metrics.one_percent(questions.n_users)
    recipe = None if method in BASELINES else recipes.create(method) if isinstance(method, str) else method
    if recipe is not None and recipe.type != USER_SEGMENTATION:
        raise InputError(f"{recipe.name} ({recipe.type}) makes no segments; use aws-item-affinity or one of {list(BASELINES)}")
    with peak_memory() as peak:
        start = time.perf_counter()
        model = recipe.fit(data, questions.seed) if recipe else None
        trained = time.perf_counter()
        ranked = model.segment(questions.queries, k)[0] if recipe else baseline_segments(questions, method, k)
        scored = time.perf_counter()
    per_query = metrics.segment_per_query(ranked, questions.truth, questions.n_users)
    means = {key: float(values.mean()) for key, values in per_query.items()}
    return Record(
        dataset=data.name,
        recipe=recipe.name if recipe else method,
        split="segmentation",
        seed=questions.seed,
        hyperparameters=recipe.hyperparameters if recipe else {},
        metrics=means | {"coverage": metrics.segment_coverage(ranked, questions.n_users)},
        test_users=questions.n_users,
        items=data.interactions.n_items,
        train_seconds=round(trained - start, 3),
        score_seconds=round(scored - trained, 3),
        peak_mb=peak(),
        versions=provenance.versions(),
        data_sha256=questions.sha256,
        shuffle_ties=questions.shuffle_ties,
        users=questions.names,
        per_user=per_query,
    )


def baseline_segments(questions: Questions, name: str, k: int) -> np.ndarray:
    """Return the first ``k`` users of a baseline for each query, codes ``(n, k)``, padded with -1."""
    train = questions.dataset.interactions
    present = train.histories.lengths > 0
    ranked = np.full((len(questions.queries), k), -1, np.int32)
    step = max(1, BLOCK_CELLS // train.n_users)
    for start in range(0, len(ranked), step):
        scores = BASELINES[name](train, questions.sets[start : start + step])
        for row, values in enumerate(scores, start):
            first = first_users(np.where(present, values, -np.inf), k)
            ranked[row, : len(first)] = first
    return ranked


def _split(dataset: Dataset, seed: int, shuffle_ties: bool) -> splits.Split:
    dataset.check_minimum()
    return splits.segmentation(dataset.interactions.shuffle_ties(seed) if shuffle_ties else dataset.interactions)


def _questions(dataset, parts, queries, names, sets, seed, shuffle_ties) -> Questions:
    """Find the right users of each query and leave out the queries that have none."""
    cells = (np.ones(len(parts.truth.items), np.float32), (parts.truth.items, parts.truth.users[parts.truth.rows]))
    taken = sp.csr_matrix(cells, shape=(dataset.interactions.n_items, dataset.interactions.n_users))
    right = (sets @ taken).tocsr()
    right.sort_indices()
    asked = np.flatnonzero(np.diff(right.indptr) > 0)
    if not len(asked):
        raise InputError(f"{dataset.name}: no user took any item of these queries in the hidden part; ask about others")
    right = right[asked]
    unknown = np.full(len(asked), -1, np.int32)
    nothing = np.zeros(right.nnz, np.int64)
    truth = Histories(right.indices.astype(np.int32), nothing, right.indptr.astype(np.int64), unknown)
    kept = [queries[row] for row in asked]
    train = dataset.with_interactions(parts.train)
    return Questions(train, kept, names[asked], sets[asked], truth, seed, shuffle_ties, dataset.sha256)
