"""The blend finds weights that were planted, stays with what it was told where nothing is asked; and broken variants."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes import blend
from helpers.recipes.questions import Questions

N_EVIDENCE, N_OWN = len(blend.EVIDENCE), blend.N_WEIGHTS - len(blend.EVIDENCE)
N_ITEMS = 12


def planted(weights, n=3000, seed=0):
    """Questions whose answers are drawn from a blend with these weights: the evidence, the own history, the questions.

    The evidence is noise of spread 1; of each history three items have features, 0 or 1.
    """
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(N_EVIDENCE, n, N_ITEMS)).astype(np.float32)
    rows = np.repeat(np.arange(n), 3)
    items = np.concatenate([rng.permutation(N_ITEMS)[:3] for _ in range(n)])
    features = rng.integers(0, 2, (3 * n, N_OWN)).astype(np.float32)
    scores = np.tensordot(weights[:N_EVIDENCE], evidence, axes=1)
    scores[rows, items] += features @ weights[N_EVIDENCE:]
    likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    answers = np.array([rng.choice(N_ITEMS, p=row / row.sum()) for row in likely.astype(float)])
    questions = Questions(Histories.of([[0]] * n), np.arange(n), answers)
    return questions, lambda _: list(evidence), lambda _: SimpleNamespace(rows=rows, items=items, features=features)


TRUE = np.zeros(blend.N_WEIGHTS)
TRUE[[0, 1, 5]] = 0.5, 1.0, -0.7
TRUE[[N_EVIDENCE, N_EVIDENCE + 3]] = 1.5, -1.0


def check_planted(fit):
    weights = fit(*planted(TRUE), blend.prior(), N_ITEMS)
    np.testing.assert_allclose(weights, TRUE, atol=0.2)
    assert weights.dtype == np.float32


def test_planted_weights_are_found():
    check_planted(blend.fit_weights)


def _wrong_answers(questions, *rest):
    return blend.fit_weights(Questions(questions.histories, questions.rows, questions.items[::-1]), *rest)


def _without_own_history(questions, evidence, own_history, *rest):
    def blank(histories):
        own = own_history(histories)
        return SimpleNamespace(rows=own.rows, items=own.items, features=0 * own.features)

    return blend.fit_weights(questions, evidence, blank, *rest)


def _never_moves(questions, evidence, own_history, start, n_items):
    return start


def _parts_mixed_up(questions, evidence, *rest):
    return blend.fit_weights(questions, lambda histories: evidence(histories)[::-1], *rest)


@pytest.mark.parametrize("broken", [_wrong_answers, _without_own_history, _never_moves, _parts_mixed_up])
def test_a_broken_fit_is_noticed(broken):
    with pytest.raises(AssertionError):
        check_planted(broken)


def test_without_questions_the_weights_stay_what_they_were():
    nothing = Questions(Histories.of([]), np.zeros(0, np.int64), np.zeros(0, np.int64))
    start = np.arange(blend.N_WEIGHTS, dtype=np.float32)
    found = blend.fit_weights(nothing, None, None, start, N_ITEMS)
    assert (found == start).all()


def test_the_prior_is_the_network_alone():
    assert blend.EVIDENCE[0] == "network"
    assert blend.prior().tolist() == [1] + [0] * (blend.N_WEIGHTS - 1)


def test_a_part_left_out_has_no_weight():
    out = blend.used(["network", blend.OWN_HISTORY])
    assert out.tolist() == [0] + [1] * (N_EVIDENCE - 1) + [0] * N_OWN
    weights = blend.fit_weights(*planted(TRUE), blend.prior() * out, N_ITEMS, out)
    assert (weights[out == 0] == 0).all()
    np.testing.assert_allclose(weights[1:N_EVIDENCE], TRUE[1:N_EVIDENCE], atol=0.25)  # less is known, so less is found
    with pytest.raises(InputError, match="unknown part of the blend 'popular'. Did you mean 'popularity'"):
        blend.used(["popular"])


def test_few_questions_move_the_weights_less_than_many():
    moved = [np.abs(blend.fit_weights(*planted(TRUE, n), blend.prior(), N_ITEMS) - blend.prior())[1] for n in (1, 10, 1000)]
    assert moved[0] < 0.5 < moved[2]


def test_what_never_varies_keeps_its_weight():
    questions, evidence, own = planted(TRUE, 200)
    start = blend.prior()
    start[4] = 0.25
    flat = [0 * part if k == 4 else part for k, part in enumerate(evidence(None))]
    weights = blend.fit_weights(questions, lambda _: flat, own, start, N_ITEMS)
    assert weights[4] == pytest.approx(0.25)


def test_a_large_catalogue_is_fitted_on_fewer_questions(monkeypatch):
    questions, evidence, own_history = planted(TRUE, 300)
    asked = []

    def some(histories):
        asked.append(len(histories))
        return [part[: len(histories)] for part in evidence(None)]

    def own(histories):
        whole = own_history(None)
        here = whole.rows < len(histories)
        return SimpleNamespace(rows=whole.rows[here], items=whole.items[here], features=whole.features[here])

    monkeypatch.setattr(blend, "_MOST_CELLS", 50 * N_ITEMS * N_EVIDENCE)
    blend.fit_weights(questions, some, own, blend.prior(), N_ITEMS)
    assert asked == [50]


def test_situations_by_name():
    running, live = np.array([False, True, False, True]), np.array([False, False, True, True])
    names = [blend.SITUATIONS[row] for row in blend.situation(running, live)]
    assert names == ["a visit begins", "inside a visit", "a visit begins, live", "inside a visit, live"]
