"""Ways to hide part of the interactions and ask a recommender for it.

Each protocol asks another question (shared names with the command line in brackets):

* ``personalize``  the service's own: 90 % of users train whole; of each other user the oldest 90 % of events is
  the input and the newest 10 % the truth. Where many events share a second (a basket), the cut usually
  falls *inside* a basket: the question is then "finish this basket".
* ``temporal``     one moment for everybody: "what will they take from now on".
* ``last-basket``  each user's newest basket (all events of one second) is the truth: "what is in the next basket".
* ``leave-last``   each user's newest single event is the truth.
* :func:`segmentation`  for recipes that find users: the newest 20 % of every user's events are the truth.

Request time (``inputs.now``): a question is asked when its answer begins, as in a shop where the user has just come in,
so it is the second of the first hidden event; under ``temporal`` it is the common cut. What happens is hidden, when
the question is asked is not.

Tie rule: events of one user at the same second keep the order of the file, so a cut inside a basket depends on that
order; ``shuffle_ties=True`` puts them in random order first and shows what a recipe owes to file order.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.errors import InputError, unknown_name
from helpers.interactions import Histories, Interactions


@dataclass(frozen=True, eq=False)
class Split:
    """What to learn from, what to show, and what to find.

    Attributes:
        name: the protocol.
        train: interactions to fit on, over the whole data set's vocabularies.
        inputs: one history a test user, as known at the time of the question.
        truth: the hidden events of the same users, row by row.
    """

    name: str
    train: Interactions
    inputs: Histories
    truth: Histories

    def __post_init__(self):
        if len(self.truth) == 0:
            raise InputError(f"the {self.name} split leaves no test user: too few users with two or more interactions")
        if (self.truth.lengths == 0).any() or not np.array_equal(self.inputs.users, self.truth.users):
            raise ValueError(f"{self.name}: every test user needs a truth, row by row")
        starts = self.truth.timestamps[self.truth.offsets[:-1]]
        shown_too_late = self.inputs.timestamps > starts[self.inputs.rows]
        if (self.inputs.now > starts).any() or shown_too_late.any():
            raise ValueError(f"{self.name}: a hidden event is older than the input it is asked from")


def personalize(interactions: Interactions, *, seed: int = 0, test_users: float = 0.1, hidden: float = 0.1) -> Split:
    """Split as Amazon Personalize documents it (developer guide, "Evaluating a solution version").

    Args:
        seed: draws the test users.
        test_users: share of users to test, 0 to 1.
        hidden: share of each test user's events that is the truth: the newest ``round(hidden * n)``, at least one. A
            user with a single event cannot be tested and trains.
    """
    histories = interactions.histories
    drawn = draw_test_users(len(histories), test_users, seed)
    users = np.sort(drawn[histories.lengths[drawn] >= 2])
    tested = histories.take(users)
    n_hidden = np.maximum(1, np.rint(hidden * tested.lengths)).astype(np.int64)
    is_truth = tested.steps_back < n_hidden[tested.rows]
    is_train = ~np.isin(histories.rows, users)
    return _ask("personalize", interactions.keep(is_train), tested.keep(~is_truth), tested.keep(is_truth))


def draw_test_users(n_users: int, share: float, seed: int) -> np.ndarray:
    """Return the codes of a share of the users, drawn without order."""
    return np.random.default_rng(seed).permutation(n_users)[: int(round(share * n_users))]


def temporal(interactions: Interactions, *, seed: int = 0, share: float = 0.9) -> Split:
    """Cut all histories at one moment, the ``share`` quantile of all timestamps; test users have events on both sides.

    The request time of every input is the cut itself. ``seed`` is accepted for a common signature; nothing is drawn.
    """
    cut = int(np.quantile(interactions.timestamps, share, method="higher")) if len(interactions) else 0
    histories = interactions.histories
    past = interactions.timestamps < cut
    n_past = np.bincount(histories.rows[past], minlength=len(histories))
    users = np.flatnonzero((n_past > 0) & (n_past < histories.lengths))
    tested = histories.take(users)
    is_past = tested.timestamps < cut
    return Split("temporal", interactions.keep(past), tested.keep(is_past).at(cut), tested.keep(~is_past))


def last_basket(interactions: Interactions, *, seed: int = 0) -> Split:
    """Hide each user's newest basket, all events of their newest second; users with one basket only train.

    Other users' events may be newer than a test user's question: good for comparing recipes, not for promising
    results in production (use ``temporal`` for that). ``seed`` is accepted for a common signature; nothing is drawn.
    """
    histories = interactions.histories
    newest = histories.timestamps == histories.now[histories.rows]
    return _hide("last-basket", interactions, newest)


def leave_last(interactions: Interactions, *, seed: int = 0) -> Split:
    """Hide each user's newest event; users with one event only train. The caution of :func:`last_basket` holds here too."""
    return _hide("leave-last", interactions, interactions.histories.steps_back == 0)


def segmentation(interactions: Interactions, *, hidden: float = 0.2) -> Split:
    """Hide the newest 20 % of every user's events, as the service does to evaluate USER_SEGMENTATION recipes.

    The question is turned round (which users take this item?), so this split is not among :data:`SPLITS`:
    :mod:`helpers.segmentation` asks it.

    Args:
        hidden: share of each user's events to hide: the newest ``round(hidden * n)``, at least one. A user with a
            single event only trains.
    """
    histories = interactions.histories
    n_hidden = np.maximum(1, np.rint(hidden * histories.lengths))
    return _hide("segmentation", interactions, histories.steps_back < n_hidden[histories.rows])


def _hide(name: str, interactions: Interactions, hidden: np.ndarray) -> Split:
    histories = interactions.histories
    n_hidden = np.bincount(histories.rows[hidden], minlength=len(histories))
    users = np.flatnonzero(n_hidden < histories.lengths)
    is_truth = hidden & np.isin(histories.rows, users)
    inputs, truth = histories.keep(~is_truth).take(users), histories.keep(is_truth).take(users)
    return _ask(name, interactions.keep(~is_truth), inputs, truth)


def _ask(name: str, train: Interactions, inputs: Histories, truth: Histories) -> Split:
    """Put the question at the second in which the answer begins."""
    return Split(name, train, inputs.at(truth.timestamps[truth.offsets[:-1]]), truth)


SPLITS: dict[str, Callable[..., Split]] = {
    "personalize": personalize,
    "temporal": temporal,
    "last-basket": last_basket,
    "leave-last": leave_last,
}


def split(interactions: Interactions, name: str = "personalize", *, seed: int = 0, shuffle_ties: bool = False) -> Split:
    """Split by the protocol's name; ``shuffle_ties`` first puts events of one user and one second in random order.

    Raises:
        InputError: no such protocol, or no user can be tested.
    """
    if name not in SPLITS:
        raise unknown_name("split", name, SPLITS)
    if shuffle_ties:
        interactions = interactions.shuffle_ties(seed)
    return SPLITS[name](interactions, seed=seed)
