"""The kinds of resources, read off the service's model: names of members, forms of ARNs, what a list may be narrowed by."""

import functools
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.personalize import wire
from helpers.personalize.errors import not_found

ACCOUNT = "123456789012"
"""The account in every ARN: the one that test doubles of AWS use, so that roles and buckets agree."""


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    Attributes:
        noun: ``Campaign``, as in CreateCampaign.
        key: the member of the answer that holds it, ``campaign``.
        arn_member: ``campaignArn``.
        resource: its part of an ARN, ``campaign``.
    """

    noun: str
    key: str
    arn_member: str
    resource: str

    def arn(self, region: str, suffix: str) -> str:
        """Return the ARN of a resource of this kind."""
        return f"arn:aws:personalize:{region}:{ACCOUNT}:{self.resource}/{suffix}"


@functools.cache
def kinds() -> dict[str, Kind]:
    """Return noun -> kind for everything that can be created."""
    names = wire.models()["personalize"].operation_names
    nouns = [name.removeprefix("Create") for name in names if name.startswith("Create")]
    return {noun: _kind(noun) for noun in nouns}


def kind_of(arn: str) -> Kind:
    """Return the kind that an ARN names.

    Raises:
        ServiceError: it names none.
    """
    found = re.fullmatch(r"arn:[a-z\d-]+:personalize:[^:]*:[^:]*:([a-z-]+)/(.+)", arn)
    for kind in kinds().values():
        version = found and found[1] == "solution" and found[2].count("/") == 1
        if found and kind.resource == found[1] and version == (kind.noun == "SolutionVersion"):
            return kind
    raise not_found(arn)


def suffix(noun: str, record: Mapping[str, Any]) -> str:
    """Return the last part of a new resource's ARN."""
    if noun == "Dataset":  # named by its group and type, whatever the caller called it
        return f"{record['datasetGroupArn'].rsplit('/', 1)[1]}/{record['datasetType']}"
    if noun == "SolutionVersion":
        solution = record["solutionArn"].split("/", 1)[1]
        return f"{solution}/{record.get('name') or uuid.uuid4().hex[:8]}"
    if noun == "EventTracker":
        return uuid.uuid4().hex[:8]
    return record.get("name") or record["jobName"]


def _kind(noun: str) -> Kind:
    key = noun[0].lower() + noun[1:]
    resource = "solution" if noun == "SolutionVersion" else re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()
    return Kind(noun, key, f"{key}Arn", resource)
