"""A diagnosis of a dataset before any training: size, time, habits, gaps, each with a note in plain words."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from helpers.datasets.dataset import MIN_INTERACTIONS, MIN_USERS, Dataset
from helpers.interactions import EVENT_TYPE, Interactions
from helpers.schemas.report import show_lines

GOOD_INTERACTIONS, GOOD_USERS = 50_000, 1_000
"""The service's advice for quality, above its minimum (developer guide, "Quotas")."""
MAX_MISSING = 0.3
"""Above this share of empty cells the service's data insights complain."""

Row = tuple[str, object, str]


def describe(dataset: Dataset) -> pd.DataFrame:
    """Diagnose a dataset.

    Returns:
        Columns ``measure``, ``value`` (counts int, shares float 0 to 1, dates text) and ``note``.
    """
    interactions = dataset.interactions
    if len(interactions) == 0:
        rows: list[Row] = [("interactions", 0, "nothing to learn from")]
    else:
        rows = [*_sizes(interactions), *_times(interactions), *_habits(interactions), *_minimum(interactions)]
    return pd.DataFrame([*rows, *_imports(dataset), *_gaps(dataset)], columns=["measure", "value", "note"])


def gini(counts: np.ndarray) -> float:
    """Return the Gini coefficient of counts ``(n,)``: 0 = all equal, towards 1 = one has everything."""
    ordered = np.sort(np.asarray(counts, float))
    n, total = len(ordered), ordered.sum()
    return float(2 * np.sum(np.arange(1, n + 1) * ordered) / (n * total) - (n + 1) / n) if total else 0.0


def repeats(interactions: Interactions) -> np.ndarray:
    """Return for each event whether its user had that item before, bool ``(m,)``."""
    pairs = pd.DataFrame({"user": interactions.users, "item": interactions.items})
    return pairs.duplicated().to_numpy()


def doubled(interactions: Interactions) -> np.ndarray:
    """Return for each event whether an earlier one has the same user, item and second, bool ``(m,)``."""
    twins = pd.DataFrame({"user": interactions.users, "item": interactions.items, "time": interactions.timestamps})
    return twins.duplicated().to_numpy()


def same_second(interactions: Interactions) -> np.ndarray:
    """Return for each event whether the one before it has the same user and second, bool ``(m,)``."""
    users, times = interactions.users, interactions.timestamps
    same = np.zeros(len(times), bool)
    same[1:] = (users[1:] == users[:-1]) & (times[1:] == times[:-1])
    return same


def _sizes(interactions: Interactions) -> list[Row]:
    per_user, per_item = interactions.histories.lengths, np.bincount(interactions.items, minlength=interactions.n_items)
    active, cold = int((per_user > 0).sum()), int((per_item == 0).sum())
    return [
        ("interactions", len(interactions), "rows to learn from"),
        ("users", active, f"with an interaction, of {interactions.n_users:,} known"),
        ("items", int((per_item > 0).sum()), f"with an interaction, of {interactions.n_items:,} in the catalogue"),
        ("cold items", cold, "never touched: only recipes that read item attributes can recommend them"),
        *_quantiles(per_user[per_user > 0]),
        ("users with one interaction", float((per_user == 1).sum() / active), "share; they can train but not be tested"),
        ("Gini of items", round(gini(per_item), 4), "0 = all items equally popular, near 1 = a few take everything"),
    ]


def _quantiles(lengths: np.ndarray) -> list[Row]:
    notes = {0: "shortest history", 25: "", 50: "half of the users have at most this", 75: "", 99: "", 100: "longest history"}
    values = np.percentile(lengths, list(notes), method="inverted_cdf")
    return [(f"interactions a user, {q} %", int(value), note) for (q, note), value in zip(notes.items(), values, strict=True)]


def _times(interactions: Interactions) -> list[Row]:
    first, last = int(interactions.timestamps.min()), int(interactions.timestamps.max())
    return [
        ("first interaction", _date(first), "UTC"),
        ("last interaction", _date(last), f"UTC, {(last - first) / 86_400:,.0f} days later"),
        (
            "events in a basket",
            float(same_second(interactions).mean()),
            "share at the same user and second as the event before: their order means nothing",
        ),
    ]


def _habits(interactions: Interactions) -> list[Row]:
    rows: list[Row] = [
        ("repeats", float(repeats(interactions).mean()), "share of events on an item that the user had before"),
        (
            "doubled events",
            float(doubled(interactions).mean()),
            "share with the same user, item and second as another: do they mean two things?",
        ),
    ]
    if EVENT_TYPE in interactions.columns:
        counts = pd.Series(interactions.columns[EVENT_TYPE]).value_counts(dropna=False)
        rows += [(f"events of type {name}", int(count), "") for name, count in counts.items()]
    return rows


def _minimum(interactions: Interactions) -> list[Row]:
    users = int((interactions.histories.lengths >= 2).sum())
    limits = [
        ("interactions", len(interactions), MIN_INTERACTIONS, GOOD_INTERACTIONS),
        ("users with two or more", users, MIN_USERS, GOOD_USERS),
    ]
    rows = []
    for what, count, least, good in limits:
        verdict = "too few to train on" if count < least else "enough" if count < good else "plenty"
        rows.append((f"minimum: {what}", verdict, f"{count:,}; the service needs {least:,} and advises {good:,}"))
    return rows


def _imports(dataset: Dataset) -> list[Row]:
    rows: list[Row] = []
    for report in dataset.reports:
        for reason, gone in report.dropped.items():
            lines = show_lines(gone.lines, gone.count, report.place)
            rows.append((f"dropped: {report.dataset_type}", gone.count, f"{reason}, {lines}"))
        rows += [(f"warning: {report.dataset_type}", "", warning) for warning in report.warnings]
    return rows


def _gaps(dataset: Dataset) -> list[Row]:
    tables = {"Interactions": pd.DataFrame(dict(dataset.interactions.columns)), "Items": dataset.items, "Users": dataset.users}
    rows = []
    for kind, table in tables.items():
        for name in table.columns if table is not None and len(table) else []:
            share = float(table[name].isna().mean())
            note = "share of empty cells" + ("; the service advises at most 30 %" if share > MAX_MISSING else "")
            rows.append((f"missing: {kind}.{name}", share, note))
    return rows


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
