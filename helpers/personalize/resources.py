"""The resources and their life: create, describe, list, update, delete, driven by the model; tags and pages."""

import base64
import re
import time
from collections.abc import Mapping
from typing import Any

from helpers.personalize import wire
from helpers.personalize.errors import ServiceError, exists, not_found
from helpers.personalize.kinds import Kind, kinds, suffix
from helpers.personalize.store import Store

PENDING, RUNNING, ACTIVE, FAILED = "CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED"
DELETING = "DELETE IN_PROGRESS"
_DELETION_WORDS = {PENDING: "PENDING", RUNNING: "IN_PROGRESS", ACTIVE: "COMPLETED", FAILED: "FAILED", DELETING: DELETING}
MAX_TAGS = 50
_PAGE = 100


class Resources:
    """The generic operations over a :class:`Store`. Rules between kinds are elsewhere (:mod:`helpers.personalize.rules`)."""

    def __init__(self, store: Store):
        self.store = store

    def create(self, noun: str, parameters: Mapping[str, Any], region: str, status: str) -> dict[str, Any]:
        """Write a new resource and return it.

        Raises:
            ServiceError: the name is taken.
        """
        kind = kinds()[noun]
        tags = {tag["tagKey"]: tag["tagValue"] for tag in parameters.get("tags", ())}
        body = {name: value for name, value in parameters.items() if name != "tags"}
        arn = kind.arn(region, suffix(noun, body))
        if noun == "SolutionVersion":
            body["name"] = arn.split(":solution/", 1)[1]
        now = time.time()
        body |= {kind.arn_member: arn, "status": status, "creationDateTime": now, "lastUpdatedDateTime": now}
        with self.store.transaction():
            if not self.store.insert(noun, arn, body):
                raise exists(arn)
            self.store.set_tags(arn, tags)
        return body

    def get(self, arn: str, noun: str | None = None) -> dict[str, Any]:
        """Return a resource that is not being deleted.

        Raises:
            ServiceError: there is none, or it is of another kind than ``noun``.
        """
        found = self.store.find(arn)
        if found is None or found[2] or (noun and found[0] != noun):
            raise not_found(arn)
        return found[1]

    def describe(self, noun: str, arn: str) -> dict[str, Any]:
        """Return a resource as its Describe operation shows it: one that is being deleted shows so once, then is gone."""
        found = self.store.find(arn)
        if found is None or found[0] != noun:
            raise not_found(arn)
        _, body, deleted = found
        if deleted:
            self.store.remove(arn)
            body = {**body, "status": DELETING}
        return body

    def all(self, noun: str, **members: Any) -> list[dict[str, Any]]:
        """Return the resources of a kind whose members have these values, oldest first."""
        found = [body for _, body in self.store.listed(noun)]
        return [body for body in found if all(body.get(name) == value for name, value in members.items())]

    def change(self, arn: str, **changes: Any) -> dict[str, Any]:
        """Change members of a resource (None removes one) and its date; return it."""
        return self.store.update(arn, lastUpdatedDateTime=time.time(), **changes)

    def page(self, noun: str, parameters: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
        """Return one page of a list, and the token of the next.

        Raises:
            ServiceError: a token that this list did not give out.
        """
        limit = parameters.get("maxResults", _PAGE)
        after = _read_token(noun, parameters.get("nextToken"))
        wanted = {name: value for name, value in parameters.items() if name not in ("maxResults", "nextToken")}
        rows = [(seq, body) for seq, body in self.store.listed(noun, after) if _is_wanted(noun, body, wanted)]
        token = _token(noun, rows[limit - 1][0]) if len(rows) > limit else None
        return [body for _, body in rows[:limit]], token

    def delete(self, arn: str, *, at_once: bool) -> None:
        """Delete a resource; unless ``at_once``, its next Describe still answers, with the status of a deletion."""
        if at_once:
            self.store.remove(arn)
        else:
            self.store.mark_deleted(arn)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags.

        Raises:
            ServiceError: no such resource, or more than 50 tags.
        """
        self.get(arn)
        if len(self.store.tags(arn) | dict(tags)) > MAX_TAGS:
            raise ServiceError("TooManyTagsException", f"a resource has at most {MAX_TAGS} tags")
        self.store.set_tags(arn, tags)


def page_of(noun: str, rows: list[Any], parameters: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """Return one page of a fixed list, as :meth:`Resources.page` does."""
    start = _read_token(noun, parameters.get("nextToken"))
    end = start + parameters.get("maxResults", _PAGE)
    return rows[start:end], _token(noun, end) if len(rows) > end else None


def shown(noun: str, record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as its Describe and List operations show it: jobs that delete users have words of their own."""
    return {**record, "status": _DELETION_WORDS[record["status"]]} if noun == "DataDeletionJob" else record


def list_key(operation: str) -> str:
    """Return the member of a List operation's answer that holds the list."""
    members = wire.operation("personalize", operation).output_shape.members
    return next(name for name, member in members.items() if member.type_name == "list")


def describe_key(operation: str) -> str:
    """Return the member of a Describe operation's answer that holds the resource."""
    return next(iter(wire.operation("personalize", operation).output_shape.members))


def noun_of(operation: str) -> tuple[str, Kind] | None:
    """Return verb and kind of a generic operation; None for the special ones."""
    found = re.fullmatch(r"(Create|Describe|List|Delete|Update)([A-Z]\w+?)", operation)
    if not found:
        return None
    noun = found[2].removesuffix("s") if found[1] == "List" else found[2]
    return (found[1], kinds()[noun]) if noun in kinds() else None


def _is_wanted(noun: str, body: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if noun == "Campaign" and "solutionArn" in wanted:  # a campaign knows its solution by its version
        return body["solutionVersionArn"].startswith(wanted["solutionArn"] + "/")
    return all(body.get(name) == value for name, value in wanted.items())


def _token(noun: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{noun}:{number}".encode()).decode()


def _read_token(noun: str, token: str | None) -> int:
    if not token:
        return 0
    try:
        name, number = base64.urlsafe_b64decode(token.encode()).decode().split(":")
        if name == noun and number.isascii() and number.isdigit():
            return int(number)
    except ValueError:
        pass  # not a token: the error below says so
    raise ServiceError("InvalidNextTokenException", "the token is not one that this list gave out")
