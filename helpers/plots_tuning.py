"""Figures about choices: what quality costs, which hyperparameters mattered, how a search went. House style of :mod:`plots`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.plots import BLACK, BLUE, ORANGE, SKY, bars, new_axes

_LINE = 11
"""Least distance of two labels that would cover each other, in points."""


def pareto(x: np.ndarray, y: np.ndarray, *, less_is_better: bool) -> np.ndarray:
    """Return which points no other point beats in both directions, bool ``(n,)``: those among which there is a choice to make.

    Args:
        x: cost if ``less_is_better`` (seconds, say), else a merit (coverage, say). y: a merit.
    """
    cost = np.asarray(x, float) if less_is_better else -np.asarray(x, float)
    merit = np.asarray(y, float)
    at_least = (cost[:, None] <= cost) & (merit[:, None] >= merit)
    better = at_least & ((cost[:, None] < cost) | (merit[:, None] > merit))
    return ~better.any(axis=0)


def trade_off(
    x: pd.Series | Mapping[str, float],
    y: pd.Series | Mapping[str, float],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    less_is_better: bool,
    log: bool = False,
    highlight: str | None = None,
) -> Axes:
    """Draw a named point for each choice, and a line through those that no other choice beats in both directions.

    Args:
        x, y: name -> value, of the same names.
        less_is_better: small ``x`` is good (a cost), else large ``x`` is good.
        log: logarithmic ``x``, for costs of several orders of magnitude.
        highlight: name of the point that the title speaks of; it is drawn in orange with a dark edge.
    """
    x = pd.Series(x, dtype=float)
    y = pd.Series(y, dtype=float)[x.index]
    ax = new_axes(title, xlabel, ylabel, height=4)
    ax.set_xscale("log" if log else "linear")
    best = pareto(x.to_numpy(), y.to_numpy(), less_is_better=less_is_better)
    line = pd.DataFrame({"x": x[best], "y": y[best]}).sort_values("x")
    ax.plot(line["x"], line["y"], color=SKY, linestyle="--", zorder=1, label="no other choice is better in both")
    for name in x.index:
        look = {"facecolor": ORANGE, "edgecolor": BLACK} if name == highlight else {"color": BLUE}
        ax.scatter(x[name], y[name], s=36, marker="o" if best[x.index.get_loc(name)] else "x", zorder=2, **look)
    ax.margins(x=0.3, y=0.12)
    ax.grid()
    _label(ax, x, y)
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return ax


def _label(ax: Axes, x: pd.Series, y: pd.Series) -> None:
    """Write each name beside its point, moved up where it would cover the name below."""
    points = ax.transData.transform(np.column_stack([x, y])) * 72 / ax.figure.dpi
    placed: list[np.ndarray] = []
    for row in np.argsort(points[:, 1], kind="stable"):
        at = points[row].copy()
        width = 6.0 * len(str(x.index[row]))
        for other, other_width in placed:
            overlaps = at[0] < other[0] + other_width and other[0] < at[0] + width
            if overlaps and abs(at[1] - other[1]) < _LINE:
                at[1] = other[1] + _LINE
        placed.append((at, width))
        offset = (6, at[1] - points[row, 1] - 3)
        ax.annotate(str(x.index[row]), (x.iloc[row], y.iloc[row]), offset, textcoords="offset points", fontsize=8)


def importance(shares: pd.Series, *, title: str) -> Axes:
    """Draw how much of a search's variation each hyperparameter explains, largest first.

    Args:
        shares: hyperparameter -> share, sum 1 (``Search.importance``).
    """
    return bars(shares, title=title, xlabel="share of the variation between trials", digits=2, highlight=shares.idxmax())


def search_history(trials: pd.DataFrame, *, title: str, ylabel: str, default: float | None = None) -> Axes:
    """Draw each trial's value in the order of the search, and the best value so far.

    Args:
        trials: ``Search.trials``: columns ``value``, ``state`` and ``best so far``.
        default: the value of the defaults, drawn as a line across; None = no line.
    """
    ax = new_axes(title, "trial", ylabel)
    ax.step(trials.index, trials["best so far"], where="post", color=BLUE, label="best so far")
    for state, marker, color in (("complete", "o", BLUE), ("pruned", "x", ORANGE)):
        chosen = trials[trials["state"] == state]
        words = "measured on all folds" if state == "complete" else "given up after a fold"
        ax.scatter(chosen.index, chosen["value"], marker=marker, color=color, s=22, label=words)
    if default is not None:
        ax.axhline(default, color=BLACK, linestyle=":", linewidth=1, label="defaults")
    ax.grid(axis="y")
    ax.legend(frameon=False, loc="lower right")
    return ax
