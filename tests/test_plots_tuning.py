"""Figures about choices: the Pareto line, labels that can be read, the same bytes every time."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import plots_tuning
from helpers.plots_tuning import pareto

SECONDS = pd.Series({"popular": 0.01, "sims": 0.1, "slow": 5.0, "network": 9.0})
QUALITY = pd.Series({"network": 0.4, "popular": 0.1, "sims": 0.3, "slow": 0.3})
TRIALS = pd.DataFrame(
    {
        "value": [0.1, 0.3, 0.2, np.nan],
        "state": ["complete", "complete", "pruned", "refused"],
        "best so far": [0.1, 0.3, 0.3, 0.3],
    },
    index=[1, 2, 3, 4],
)

FIGURES = {
    "trade_off": lambda: plots_tuning.trade_off(
        SECONDS, QUALITY, title="networks cost", xlabel="s", ylabel="NDCG", less_is_better=True, log=True, highlight="network"
    ),
    "importance": lambda: plots_tuning.importance(pd.Series({"factor": 0.9, "count": 0.1}), title="factor matters"),
    "search_history": lambda: plots_tuning.search_history(TRIALS, title="flat", ylabel="NDCG", default=0.1),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def png(ax) -> bytes:
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_and_the_same_bytes_each_time(name):
    ax = FIGURES[name]()
    assert ax.get_title(loc="left") and ax.figure.get_size_inches()[0] == 6
    assert png(ax) == png(FIGURES[name]())


def test_the_line_joins_what_nothing_beats_in_both_directions():
    cost, merit = np.array([1, 2, 3, 60, 70]), np.array([0.10, 0.30, 0.25, 0.33, 0.33])
    assert pareto(cost, merit, less_is_better=True).tolist() == [True, True, False, True, False]
    assert pareto(cost, merit, less_is_better=False).tolist() == [False, False, False, False, True]
    assert pareto(np.array([1, 1]), np.array([2, 2]), less_is_better=True).tolist() == [
        True,
        True,
    ]  # equals do not beat each other


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12), st.booleans())
def test_a_point_is_off_the_line_exactly_if_some_other_beats_it(points, less_is_better):
    x, y = np.array(points).T
    sign = -1 if less_is_better else 1
    beaten = [
        any(sign * a >= sign * x[i] and b >= y[i] and (a, b) != (x[i], y[i]) for a, b in points) for i in range(len(points))
    ]
    assert pareto(x, y, less_is_better=less_is_better).tolist() == [not one for one in beaten]


def test_trade_off_draws_the_line_and_every_name_once_and_marks_more_than_by_colour():
    ax = FIGURES["trade_off"]()
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[0.01, 0.1], [0.1, 0.3], [9.0, 0.4]])
    assert sorted(text.get_text() for text in ax.texts) == sorted(SECONDS.index)
    shapes = {tuple(points.get_offsets()[0]): len(points.get_paths()[0].vertices) for points in ax.collections}
    assert shapes[(5.0, 0.3)] != shapes[(0.1, 0.3)]  # off the line: another marker


def test_labels_of_near_points_do_not_cover_each_other():
    near = pd.Series({"first name": 0.5, "second name": 0.5, "third name": 0.5})
    ax = plots_tuning.trade_off(near, near, title="crowd", xlabel="x", ylabel="y", less_is_better=False)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_history_shows_the_best_so_far_the_defaults_and_how_trials_ended():
    ax = FIGURES["search_history"]()
    best, default = ax.get_lines()
    assert best.get_ydata().tolist() == [0.1, 0.3, 0.3, 0.3] and default.get_ydata() == [0.1, 0.1]
    assert [len(points.get_offsets()) for points in ax.collections] == [2, 1]
    assert len(plots_tuning.search_history(TRIALS, title="flat", ylabel="NDCG").get_lines()) == 1
