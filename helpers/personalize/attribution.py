"""Metric attributions: what came of the events, by the source that is to be credited (developer guide, "Measuring impact").

A metric counts the events of a type, or sums a number of theirs or of their items', in windows of 15 minutes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.schemas import Schema

WINDOW = 900
"""Seconds that one row of a report covers."""
MAX_METRICS = 10
NO_SOURCE = "SOURCE_NAME_UNDEFINED"
COLUMNS = ["METRIC_NAME", "EVENT_TYPE", "VALUE", "MATH_FUNCTION", "EVENT_ATTRIBUTION_SOURCE", "TIMESTAMP"]

_NUMBERS = ("int", "long", "float", "double")


def check(metrics: Sequence[Mapping[str, str]], schemas: Mapping[str, Schema]) -> None:
    """Check metrics against the schemas of the dataset group.

    Raises:
        InputError: too many, a name twice, an expression that cannot be read, or a column that is no number.
    """
    names = [metric["metricName"] for metric in metrics]
    if len(names) > MAX_METRICS:
        raise InputError(f"{len(names)} metrics; a metric attribution has at most {MAX_METRICS}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"the metric {twice[0]} is given twice; each needs a name of its own")
    for metric in metrics:
        function, dataset, column = read(metric["expression"])
        if function == "samplecount":
            continue
        field = next((f for f in schemas[dataset].fields if f.name.upper() == column), None) if dataset in schemas else None
        if field is None or field.type not in _NUMBERS:
            raise InputError(f"metric {metric['metricName']}: {dataset}.{column} is no number of the dataset group")


def read(expression: str) -> tuple[str, str, str]:
    """Return function, dataset and column of an expression: ``SAMPLECOUNT()`` or ``SUM(Items.PRICE)``.

    Raises:
        InputError: it is neither.
    """
    if re.fullmatch(r"\s*SAMPLECOUNT\(\s*\)\s*", expression, re.IGNORECASE):
        return "samplecount", "", ""
    found = re.fullmatch(r"\s*SUM\(\s*(ITEMS|INTERACTIONS)\.(\w+)\s*\)\s*", expression, re.IGNORECASE)
    if not found:
        raise InputError(f"expression {expression!r}: write SAMPLECOUNT(), SUM(Items.COLUMN) or SUM(Interactions.COLUMN)")
    return "sum", found[1].title(), found[2].upper()


def streamed(events: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return streamed events as :func:`aggregate` wants them; an explicit source counts before the campaign that answered."""
    rows = [
        {name.upper(): value for name, value in event["columns"].items()}
        | {"ITEM_ID": event["item"], "TIMESTAMP": event["time"]}
        | {"SOURCE": event["columns"].get("EVENT_ATTRIBUTION_SOURCE") or event.get("answered_by")}
        for event in events
    ]
    return pd.DataFrame(rows)


def imported(interactions: pd.DataFrame) -> pd.DataFrame:
    """Return imported interactions as :func:`aggregate` wants them."""
    frame = interactions.rename(columns=str.upper)
    return frame.assign(SOURCE=frame.get("EVENT_ATTRIBUTION_SOURCE"))


def aggregate(events: pd.DataFrame, metrics: Sequence[Mapping[str, str]], items: pd.DataFrame | None) -> pd.DataFrame:
    """Return the report on some events.

    Args:
        events: ``EVENT_TYPE, ITEM_ID, TIMESTAMP`` (Unix seconds), ``SOURCE`` (empty = none) and numbers, in upper case.
        metrics: ``metricName``, ``eventType`` and ``expression`` each.
        items: attributes by item id, columns in upper case; None without an Items dataset.

    Returns:
        ``COLUMNS``; a row a metric, source and window in which there are such events. VALUE is a count or a sum (events whose
        number is missing add nothing), TIMESTAMP the start of the window.
    """
    reports = [pd.DataFrame(columns=COLUMNS)]
    for metric in metrics if len(events) else ():
        function, dataset, column = read(metric["expression"])
        mine = events[events["EVENT_TYPE"] == metric["eventType"]]
        if mine.empty:
            continue
        values = np.ones(len(mine)) if function == "samplecount" else _numbers(mine, dataset, column, items)
        keys = {
            "EVENT_ATTRIBUTION_SOURCE": mine["SOURCE"].astype(object).where(mine["SOURCE"].notna(), NO_SOURCE),
            "TIMESTAMP": mine["TIMESTAMP"] // WINDOW * WINDOW,
        }
        sums = pd.DataFrame(keys | {"VALUE": values}).groupby(list(keys), as_index=False)["VALUE"].sum()
        fixed = {
            "METRIC_NAME": metric["metricName"].upper(),
            "EVENT_TYPE": metric["eventType"].upper(),
            "MATH_FUNCTION": function,
        }
        reports.append(sums.assign(**fixed)[COLUMNS])
    return pd.concat(reports[1:] or reports, ignore_index=True)


def _numbers(events: pd.DataFrame, dataset: str, column: str, items: pd.DataFrame | None) -> np.ndarray:
    if dataset == "Interactions":
        found = events.get(column, pd.Series(np.nan, events.index))
    else:
        found = pd.Series(np.nan, events.index) if items is None else items[column].reindex(events["ITEM_ID"])
    return np.nan_to_num(pd.to_numeric(found, errors="coerce").to_numpy(float))
