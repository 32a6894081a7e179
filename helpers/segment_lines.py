"""The lines of a batch segment job: a JSON line with a query in, a JSON line with users out.

    {"itemId": "105"}
    {"input": {"itemId": "105"}, "output": {"usersList": ["61", "22"]}, "error": null}

A line that cannot be answered has ``"output": null`` and its reason in ``error``; the others are answered all the same. The
lists are sorted by likelihood and carry no likelihoods, as those of the service.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from helpers.errors import InputError
from helpers.recipes.segment_model import MAX_USERS, SegmentModel

MAX_LINES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
"""Queries that one input file may hold (developer guide, "Quotas")."""


def answer_lines(
    model: SegmentModel,
    lines: Iterable[str],
    k: int = 25,
    allowed: np.ndarray | Callable[[dict[str, Any]], np.ndarray] | None = None,
) -> Iterator[str]:
    """Yield an output line, without a line break, for each input line that is not blank, in the order of the input.

    Args:
        model: a trained segmentation.
        lines: JSON lines; fields other than the query's are handed back untouched.
        k: users wanted for each line (the job's ``numResults``), 1 to 5,000,000.
        allowed: users who may be returned, bool ``(n_users,)`` over ``model.user_ids``; or a function from a parsed line to such
            an array, for filters with placeholders. An InputError that it raises becomes the line's error.

    Raises:
        InputError: more lines than the service takes for this recipe, or ``k`` out of range; nothing is answered then.
    """
    if not isinstance(k, (int, np.integer)) or not 1 <= k <= MAX_USERS:
        raise InputError(f"numResults = {k!r}: ask for a whole number of users, 1 to {MAX_USERS:,}")
    asked = [line for line in lines if line.strip()]
    limit = MAX_LINES[model.recipe.name]
    if len(asked) > limit:
        raise InputError(f"the input holds {len(asked)} queries; {model.recipe.name} takes at most {limit} in one file")
    step = model.rows_at_once
    blocks = (asked[start : start + step] for start in range(0, len(asked), step))
    return (answer for block in blocks for answer in _answers(model, block, k, allowed))


def _answers(model: SegmentModel, lines: list[str], k: int, allowed: Any) -> list[str]:
    """Answer a block of lines together."""
    inputs, errors, queries, masks = [], {}, [], []
    for row, line in enumerate(lines):
        inputs.append(line.strip())
        try:
            inputs[row] = _parsed(line)
            query = model.read(inputs[row])
            masks.append(allowed(inputs[row]) if callable(allowed) else allowed)
            queries.append(query)
        except InputError as fault:
            errors[row] = str(fault)
    mask = np.array(masks) if callable(allowed) and masks else None if callable(allowed) else allowed
    found = iter(model.segment(queries, k, mask)[0])
    outputs = [None if row in errors else {"usersList": _names(model, next(found))} for row in range(len(lines))]
    return [json.dumps({"input": inputs[row], "output": outputs[row], "error": errors.get(row)}) for row in range(len(lines))]


def _names(model: SegmentModel, users: np.ndarray) -> list[str]:
    return model.user_ids.names(users[users >= 0]).tolist()


def _parsed(line: str) -> dict[str, Any]:
    try:
        given = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise InputError(f"the line is not JSON: {fault}") from fault
    if not isinstance(given, dict):
        raise InputError('the line is not a JSON object such as {"itemId": "105"}')
    return given


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")
