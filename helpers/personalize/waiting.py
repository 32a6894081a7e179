"""Waiting for a resource, with a bar that shows where it is."""

import time
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from helpers.errors import InputError
from helpers.personalize.kinds import kind_of

_FAILED = ("FAILED", "STOPPED")


def wait(arn: str, client: Any, *, seconds: float = 3600, poll: float = 0.2, show: bool = True) -> dict[str, Any]:
    """Wait until a resource is ready and return its description. Works against this service and against AWS.

    Args:
        arn: of anything that has a status.
        client: a boto3 ``personalize`` client.
        seconds: give up after so long.
        poll: seconds between two looks; take 30 or more on AWS.
        show: draw the bar.

    Raises:
        InputError: it failed (the message is the service's reason), was stopped, or took too long.
    """
    kind = kind_of(arn)
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.key)
    start = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, disable=not show, transient=True) as progress:
        task = progress.add_task(arn.split(":", 5)[5], total=None)
        while True:
            found = getattr(client, f"describe_{snake}")(**{kind.arn_member: arn})[kind.key]
            status = found.get("latestCampaignUpdate", {}).get("status", "ACTIVE")
            status = found["status"] if found["status"] != "ACTIVE" else status
            progress.update(task, description=f"{arn.split(':', 5)[5]}  {status}")
            if status in ("ACTIVE", "INACTIVE", "COMPLETED"):
                return found
            if status.endswith(_FAILED):
                reason = found.get("failureReason") or found.get("latestCampaignUpdate", {}).get("failureReason", "")
                raise InputError(f"{arn} is {status}: {reason or 'no reason given'}")
            if time.monotonic() - start > seconds:
                raise InputError(f"{arn} is still {status} after {seconds:g} seconds")
            time.sleep(poll)
