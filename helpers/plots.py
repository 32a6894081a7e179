"""Figures for lessons and reports: data in, Axes out, the title says the finding, no meaning by colour alone.

Every function makes one figure of 6 x 3.5 inches at 100 dots an inch and returns its Axes. End a cell with
:func:`show`, which displays the figure once, together with the text for those who cannot see it::

    ax = plots.bars(table["ndcg"], title="SIMS finds twice as much as popularity", xlabel="NDCG@25")
    plots.show(ax, alt="Bar chart: NDCG at 25 is 0.08 for popularity and 0.16 for SIMS.")
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import PIL.Image
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.errors import InputError

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, BLACK = PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#000000",
)
"""The colour-blind safe palette of Okabe and Ito (2008), most readable on white first."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")

_STYLE: dict[str, Any] = {
    "figure.figsize": (6, 3.5),
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so the picture is the same everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "axes.axisbelow": True,
    "grid.color": "#d9d9d9",
    "svg.hashsalt": "helpers",
}


def style() -> None:
    """Set the style above for figures that a notebook draws itself; the functions of this module use it anyway."""
    plt.rcParams.update(_STYLE)


def new_axes(title: str, xlabel: str = "", ylabel: str = "", height: float = 3.5) -> Axes:
    """Return empty Axes in the house style; ``title`` states the finding, the labels carry units, ``height`` is in inches."""
    with plt.rc_context(_STYLE):
        _, ax = plt.subplots(figsize=(6, height))
        ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return ax


def show(ax: Axes, alt: str) -> None:
    """Display the figure of ``ax`` as a PNG with a text alternative and close it.

    Args:
        alt: one or two sentences with the numbers that the picture is about.

    Raises:
        InputError: the text is too short to say anything.
    """
    if len(alt.split()) < 4:
        raise InputError(f"alt={alt!r}: describe the figure in a sentence, with its numbers")
    display(_png(ax.figure), metadata={"image/png": {"alt": alt}})
    plt.close(ax.figure)


def embedded(ax: Axes, alt: str) -> str:
    """Return the figure of ``ax`` as an HTML image that holds its own bytes, and close it; ``alt`` as in :func:`show`."""
    data = base64.b64encode(_png(ax.figure).data).decode("ascii")
    plt.close(ax.figure)
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def _png(figure: Figure) -> Image:
    """Return a figure as a PNG of 256 colours: to the eye the same, at half of the bytes that a notebook has to store."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", bbox_inches="tight")
    picture = PIL.Image.open(full).convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    picture.save(small, format="PNG", optimize=True)
    return Image(data=small.getvalue(), format="png")


def bars(
    values: pd.Series | Mapping[str, float],
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    *,
    title: str,
    xlabel: str,
    highlight: str | None = None,
    digits: int = 3,
) -> Axes:
    """Draw a horizontal bar for each name, in the order given from the top, with its value written beside it.

    Args:
        values: name -> value.
        low, high: ends of each bar's interval, e.g. 95 % bootstrap intervals; both or none.
        highlight: name of the bar the title speaks of; it is drawn in orange with a dark edge.
        digits: decimals of the values written.
    """
    values = pd.Series(values, dtype=float)
    ax = new_axes(title, xlabel, height=max(2.0, 0.8 + 0.38 * len(values)))
    places = np.arange(len(values))
    drawn = ax.barh(places, values, color=BLUE, height=0.65)
    for name, bar in zip(values.index, drawn, strict=True):
        if name == highlight:
            bar.set(facecolor=ORANGE, edgecolor=BLACK, linewidth=1.2)
    ends = values.to_numpy()
    if low is not None and high is not None:
        spread = np.abs(np.vstack([ends - np.asarray(low, float), np.asarray(high, float) - ends]))
        ax.errorbar(values, places, xerr=spread, fmt="none", ecolor=BLACK, elinewidth=1.2, capsize=3)
        ends = np.maximum(ends, np.asarray(high, float))
    for place, end, value in zip(places, ends, values, strict=True):
        ax.annotate(f"{value:.{digits}f}", (max(end, 0), place), (4, 0), textcoords="offset points", va="center")
    ax.set_yticks(places, [str(name) for name in values.index])
    ax.invert_yaxis()
    ax.margins(x=0.12)
    return ax


def lines(table: pd.DataFrame, *, title: str, xlabel: str, ylabel: str) -> Axes:
    """Draw each column of ``table`` over its index, told apart by colour, marker, dashes and a name at the line's end."""
    ax = new_axes(title, xlabel, ylabel)
    marked = len(table) <= 40
    for i, name in enumerate(table.columns):
        look = {"color": PALETTE[i % len(PALETTE)], "linestyle": DASHES[i % len(DASHES)]}
        ax.plot(
            table.index, table[name], marker=MARKERS[i % len(MARKERS)] if marked else None, markersize=4, label=str(name), **look
        )
    ax.grid(axis="y")
    if len(table.columns) > 1:
        ax.legend(frameon=False)
    return ax


def bands(
    means: pd.DataFrame, low: pd.DataFrame, high: pd.DataFrame, *, title: str, xlabel: str, ylabel: str, log: bool = False
) -> Axes:
    """Draw each column of ``means`` over its index as :func:`lines` does, with its interval as a band around it.

    Args:
        low, high: ends of the intervals, e.g. 95 % bootstrap intervals; the same index and columns as ``means``.
        log: put the index on a logarithmic scale, marked at its own values.
    """
    ax = lines(means, title=title, xlabel=xlabel, ylabel=ylabel)
    for i, name in enumerate(means.columns):
        ax.fill_between(means.index, low[name], high[name], color=PALETTE[i % len(PALETTE)], alpha=0.18, linewidth=0)
    if log:
        ax.set_xscale("log")
        ax.set_xticks(means.index, [f"{x:,.0f}" for x in means.index])
        ax.minorticks_off()
    return ax


def histogram(
    values: Sequence[float], *, title: str, xlabel: str, ylabel: str = "count", bins: int = 30, log: bool = False
) -> Axes:
    """Draw how often values fall into each of ``bins`` equal intervals; ``log`` counts on a logarithmic scale."""
    ax = new_axes(title, xlabel, ylabel)
    ax.hist(np.asarray(values), bins=bins, color=BLUE, edgecolor="white", linewidth=0.5, log=log)
    ax.grid(axis="y")
    return ax


def long_tail(counts: Sequence[float], *, title: str, xlabel: str = "items, most popular first", head: float = 0.2) -> Axes:
    """Draw the share of all events that the most popular items gather, and mark the ``head`` (share of items, 0 to 1)."""
    ordered = np.sort(np.asarray(counts, float))[::-1]
    share = np.concatenate([[0.0], ordered.cumsum() / ordered.sum()])
    ax = new_axes(title, xlabel, "share of all interactions")
    ax.plot(np.arange(len(share)), share, color=BLUE)
    at = int(round(head * len(ordered)))
    ax.fill_between(np.arange(at + 1), share[: at + 1], color=ORANGE, alpha=0.35, hatch="//", linewidth=0)
    ax.annotate(
        f"{head:.0%} of items: {share[at]:.0%} of interactions",
        (at, share[at]),
        (12, -22),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": BLACK},
    )
    ax.set(ylim=(0, 1.02), xlim=(0, len(ordered)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.grid(axis="y")
    return ax


def table_heat(table: pd.DataFrame, *, title: str, digits: int = 2, xlabel: str = "", ylabel: str = "") -> Axes:
    """Draw a small table (at most about 12 x 12) as a heat map with every value written in its cell; NaN stays blank."""
    values = table.to_numpy(float)
    ax = new_axes(title, xlabel, ylabel, height=max(2.0, 0.9 + 0.34 * len(table)))
    ax.imshow(np.ma.masked_invalid(values), cmap="cividis", aspect="auto")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ax.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color="white" if value < middle else "black")
    ax.set_xticks(np.arange(table.shape[1]), [str(name) for name in table.columns])
    ax.set_yticks(np.arange(table.shape[0]), [str(name) for name in table.index])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def timeline(timestamps: Sequence[int], names: Sequence[str], *, title: str, kinds: Sequence[str] | None = None) -> Axes:
    """Draw one user's history: a row for each different name, a mark for each event at its time (UTC).

    Args:
        timestamps: Unix seconds.
        names: item, category or the like of each event; at most about 20 different ones.
        kinds: event type of each event, told apart by colour and marker; None = all alike.
    """
    rows = list(dict.fromkeys(names))
    kinds = np.asarray(kinds if kinds is not None else ["event"] * len(timestamps), dtype=object)
    ax = new_axes(title, "date (UTC)", height=max(2.0, 0.9 + 0.26 * len(rows)))
    times = np.array([datetime.fromtimestamp(int(second), UTC) for second in timestamps], dtype=object)
    places = np.array([rows.index(name) for name in names])
    for i, kind in enumerate(sorted(set(kinds))):
        chosen = kinds == kind
        look = {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)], "label": str(kind)}
        ax.scatter(times[chosen], places[chosen], s=22, **look)
    ax.set_yticks(np.arange(len(rows)), [str(name) for name in rows])
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.grid(axis="x")
    ax.margins(y=0.15)
    if len(set(kinds)) > 1:
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
