"""The figures: right marks and labels, a text alternative, the same bytes every time."""

import io
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers import plots
from helpers.errors import InputError

TABLE = pd.DataFrame({"sims": [0.1, 0.2, 0.3], "popular": [0.1, 0.1, np.nan]}, index=[5, 10, 25])

FIGURES = {
    "bars": lambda: plots.bars({"a": 0.2, "b": 0.4}, [0.1, 0.3], [0.3, 0.5], title="b wins", xlabel="score", highlight="b"),
    "lines": lambda: plots.lines(TABLE, title="sims rises", xlabel="k", ylabel="recall"),
    "bands": lambda: plots.bands(TABLE, TABLE - 0.05, TABLE + 0.1, title="sims rises", xlabel="users", ylabel="recall", log=True),
    "histogram": lambda: plots.histogram([1, 2, 2, 3], title="mostly two", xlabel="basket size"),
    "long_tail": lambda: plots.long_tail([80, 5, 5, 5, 5], title="one item rules"),
    "table_heat": lambda: plots.table_heat(TABLE, title="low and high"),
    "timeline": lambda: plots.timeline([0, 86400, 90000], ["x", "y", "x"], title="back to x", kinds=["view", "buy", "buy"]),
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
def test_every_figure_has_a_title_the_right_size_and_the_same_bytes_each_time(name):
    ax = FIGURES[name]()
    assert isinstance(ax, plt.Axes)
    assert ax.get_title(loc="left")
    assert ax.figure.get_size_inches()[0] == 6 and ax.figure.dpi == 100
    assert png(ax) == png(FIGURES[name]())


def test_bars_stand_in_the_order_given_with_values_and_intervals():
    ax = FIGURES["bars"]()
    assert [bar.get_width() for bar in ax.patches] == [0.2, 0.4]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.texts] == ["0.200", "0.400"]
    interval = ax.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in interval], [[0.1, 0.3], [0.3, 0.5]])


def test_the_highlight_is_not_by_colour_alone():
    plain, marked = FIGURES["bars"]().patches
    assert plain.get_facecolor() != marked.get_facecolor() and plain.get_linewidth() != marked.get_linewidth()


def test_lines_differ_by_dash_and_marker_and_are_named():
    ax = FIGURES["lines"]()
    first, second = ax.lines
    assert first.get_linestyle() != second.get_linestyle() and first.get_marker() != second.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sims", "popular"]


def test_bands_reach_from_the_low_to_the_high_end():
    ax = FIGURES["bands"]()
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.1 - 0.05, 0.3 + 0.1))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5", "10", "25"]
    assert ax.get_xscale() == "log" and len(ax.collections) == len(ax.lines) == 2


def test_long_tail_says_what_the_head_gathers():
    assert FIGURES["long_tail"]().texts[0].get_text() == "20% of items: 80% of interactions"


def test_table_heat_writes_every_number_and_leaves_gaps_blank():
    assert [text.get_text() for text in FIGURES["table_heat"]().texts] == ["0.10", "0.10", "0.20", "0.10", "0.30"]


def test_timeline_gives_each_name_one_row_in_order_of_appearance():
    ax = FIGURES["timeline"]()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "y"]
    marks = {mark.get_label(): mark.get_offsets()[:, 1].tolist() for mark in ax.collections}
    assert marks == {"view": [0], "buy": [1, 0]}


def test_show_displays_once_with_a_text_alternative_and_closes(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda figure, metadata: shown.append(json.dumps(metadata)))
    plots.show(FIGURES["bars"](), alt="Bar b reaches 0.4, bar a half of it.")
    assert shown == ['{"image/png": {"alt": "Bar b reaches 0.4, bar a half of it."}}']
    assert plt.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "a figure"])
def test_show_refuses_an_empty_description(alt):
    with pytest.raises(InputError, match="describe the figure"):
        plots.show(FIGURES["bars"](), alt=alt)


def test_style_makes_own_figures_alike():
    with plt.rc_context():
        plots.style()
        figure, ax = plt.subplots()
    assert figure.get_size_inches().tolist() == [6, 3.5] and figure.dpi == 100
    assert ax.plot([1, 2])[0].get_color() == plots.BLUE
