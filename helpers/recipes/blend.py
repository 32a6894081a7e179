"""One score out of several kinds of evidence: a linear softmax whose weights are fitted on questions with known answers.

::

    score(item) = sum_k w_k * evidence_k(item)  +  [item is in the own history] * sum_j v_j * feature_j(item)
    P(item)     = exp(score(item)) / sum over the catalogue

The weights differ by situation, for the same evidence means different things: in the middle of a session one seldom takes the
same item again, at the start of a visit one often does; and what is popular counts more in a live request than in a question
about the past. They maximise the likelihood of the answers, pulled towards what is known beforehand (ridge), by L-BFGS (Liu &
Nocedal 1989).
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch

from helpers.errors import unknown_name
from helpers.interactions import Histories
from helpers.recipes.own_history import NAMES as OWN
from helpers.recipes.own_history import OwnHistory
from helpers.recipes.questions import Questions

EVIDENCE = ("network", "popularity", "7-day trend", "30-day trend", "90-day trend", "companions", "companions, all", "linear")
"""Evidence about every item of the catalogue, in the order of the weights; the own history's features follow."""
OWN_HISTORY = "own history"
"""The name of all features of the own history together."""
SITUATIONS = ("a visit begins", "inside a visit", "a visit begins, live", "inside a visit, live")
"""The rows of the weights. *Live*: the request comes after the end of the training data."""
N_WEIGHTS = len(EVIDENCE) + len(OWN)
_MOST_CELLS = 80_000_000
"""Numbers held while fitting: with a large catalogue, fewer questions."""
_PULL = 1.0
_STEPS = 60


def situation(running: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Return the row of the weights for each request."""
    return 2 * live.astype(np.int64) + running


def prior() -> np.ndarray:
    """Return the weights before any question was asked: the network alone, ``(N_WEIGHTS,)``."""
    weights = np.zeros(N_WEIGHTS, np.float32)
    weights[0] = 1
    return weights


def used(without: Collection[str]) -> np.ndarray:
    """Return 1 for each weight that counts and 0 for those of the parts named, float32 ``(N_WEIGHTS,)``.

    Args:
        without: names of :data:`EVIDENCE`, or :data:`OWN_HISTORY`.

    Raises:
        InputError: a name that no part has.
    """
    parts = [*EVIDENCE, *[OWN_HISTORY] * len(OWN)]
    for name in without:
        if name not in parts:
            raise unknown_name("part of the blend", name, [*EVIDENCE, OWN_HISTORY])
    return np.array([part not in without for part in parts], np.float32)


def fit_weights(
    questions: Questions,
    evidence: Callable[[Histories], Sequence[np.ndarray]],
    own_history: Callable[[Histories], OwnHistory],
    start: np.ndarray,
    n_items: int,
    use: np.ndarray | None = None,
) -> np.ndarray:
    """Return the weights, float32 ``(N_WEIGHTS,)``, that make the answers most likely; ``start`` where there are no questions.

    Args:
        evidence: histories -> one array ``(n, n_items)`` for each of :data:`EVIDENCE`.
        own_history: histories -> features of the items in them.
        start: what the weights are pulled to, as strongly as one question would.
        use: 1 or 0 for each weight (:func:`used`); a weight that is not used keeps its start. None = all are used.
    """
    most = max(1, _MOST_CELLS // (n_items * len(EVIDENCE)))
    if len(questions) > most:
        questions = questions.take(np.linspace(0, len(questions) - 1, most).astype(np.int64))
    n = len(questions)
    if n == 0:
        return start
    parts = torch.from_numpy(np.stack(evidence(questions.histories), axis=2))
    own = own_history(questions.histories)
    features = torch.from_numpy(own.features)
    if use is not None:
        parts, features = parts * torch.from_numpy(use[: len(EVIDENCE)]), features * torch.from_numpy(use[len(EVIDENCE) :])
    pairs = torch.from_numpy(own.rows), torch.from_numpy(own.items)
    answers = torch.from_numpy(questions.rows), torch.from_numpy(questions.items.astype(np.int64))
    shares = torch.from_numpy(1 / np.bincount(questions.rows, minlength=n)[questions.rows]).float()
    # steps of one size for all weights: evidence by its spread, features (0 for most items) by their size
    scale = torch.cat([parts.reshape(-1, parts.shape[2]).std(dim=0), features.square().mean(dim=0).sqrt()]) + 1e-3
    first = torch.from_numpy(start) * scale
    weights = first.clone().requires_grad_()
    search = torch.optim.LBFGS([weights], max_iter=_STEPS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        w = weights / scale
        scores = (parts @ w[: len(EVIDENCE)]).index_put(pairs, features @ w[len(EVIDENCE) :], accumulate=True)
        value = -(shares * scores.log_softmax(dim=1)[answers]).sum() / n + _PULL / n * (weights - first).square().sum()
        value.backward()
        return value

    search.step(loss)
    return (weights.detach() / scale).numpy()
