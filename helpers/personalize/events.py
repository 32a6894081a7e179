"""Real-time data: events, items and users that are sent while serving. Written to disk first, then into memory, then answered."""

from collections.abc import Mapping
from typing import Any

from helpers.errors import InputError
from helpers.personalize import data
from helpers.personalize.answered import Answered
from helpers.personalize.errors import invalid
from helpers.personalize.groups import Groups
from helpers.personalize.resources import ACTIVE, Resources
from helpers.schemas import Schema
from helpers.schemas.check import MAX_ID
from helpers.schemas.schema import column_key


class Events:
    """The operations of personalize-events."""

    def __init__(self, resources: Resources, groups: Groups, answered: Answered):
        self._resources, self._groups, self._answered = resources, groups, answered
        self._trackers: dict[str, str] = {}

    def put_events(self, request: Mapping[str, Any]) -> None:
        """Add events to a user's history; the next answer for that user knows them. An ``eventId`` counts once.

        Raises:
            ServiceError: an unknown tracker, or properties that the schema does not allow.
        """
        group = self._group_of(request["trackingId"])
        with self._groups.lock:
            known = self._groups.get(group)
            schema = known.schemas.get("Interactions")
            read = [read_event(event, request, schema, self._answered) for event in request["eventList"]]
            events = known.unknown(read)
            numbers = self._resources.store.add_events(group, events)
            known.add_events(zip(numbers, events, strict=True))

    def put_records(self, kind: str, request: Mapping[str, Any]) -> None:
        """Put items or users one by one (``kind`` Items or Users); the same id replaces what was known.

        Raises:
            ServiceError: no such dataset, one of another type, or properties that the schema does not allow.
        """
        arn, name = request["datasetArn"], {"Items": "items", "Users": "users"}[kind]
        dataset = self._resources.get(arn, "Dataset")
        if data.KINDS[dataset["datasetType"]] != kind:
            raise invalid(f"{arn} is no {kind} dataset")
        with self._groups.lock:
            group = self._groups.get(dataset["datasetGroupArn"])
            rows = request[name]
            records = {row[f"{name[:-1]}Id"]: data.read_properties(row.get("properties"), group.schemas[kind]) for row in rows}
            self._resources.store.put_records(arn, records)
            if kind == "Items":
                group.put_items.extend(records.items())
            else:
                group.add_users(records)

    def _group_of(self, tracking_id: str) -> str:
        arn = self._trackers.get(tracking_id)
        if arn is None or not self._is_active(arn):
            found = [t for t in self._resources.all("EventTracker", trackingId=tracking_id) if t["status"] == ACTIVE]
            if not found:
                raise invalid(f"there is no event tracker with trackingId {tracking_id[:60]}")
            arn = self._trackers[tracking_id] = found[0]["eventTrackerArn"]
        return self._resources.get(arn)["datasetGroupArn"]

    def _is_active(self, arn: str) -> bool:
        found = self._resources.store.find(arn)
        return found is not None and not found[2]


def read_event(event: Mapping[str, Any], request: Mapping[str, Any], schema: Schema | None, answered: Answered) -> dict[str, Any]:
    """Return an event as it is kept: ``user, session, item, time`` (Unix seconds), ``columns`` by the schema's names, ``id``, and
    ``answered_by``, the campaign or recommender whose list it names.

    The item stands in ``itemId`` or in the properties; so may the event's value. Without an explicit impression, the list that
    ``recommendationId`` stands for is what the user was shown.

    Raises:
        InputError: properties that cannot be read, or an id that is too long.
    """
    given = data.read_properties(event.get("properties"), schema)
    loose = data.read_properties(event.get("properties"), _LOOSE) if event.get("properties") else {}
    item = event.get("itemId") or loose.get("ITEM_ID")
    for name, value in (("itemId", item), ("userId", request.get("userId"))):
        if value is not None and len(value) > MAX_ID:
            raise InputError(f"{name} is longer than {MAX_ID} characters")
    value = event.get("eventValue", loose.get("EVENT_VALUE"))
    answered_by, shown = answered.find(event.get("recommendationId"))
    impression = "|".join(event.get("impression") or shown) or None
    source = event.get("metricAttribution", {}).get("eventAttributionSource")
    reserved = {"EVENT_TYPE": event["eventType"], "EVENT_VALUE": value, "IMPRESSION": impression}
    reserved |= {"RECOMMENDATION_ID": event.get("recommendationId"), "EVENT_ATTRIBUTION_SOURCE": source}
    columns = {name: value for name, value in (given | reserved).items() if value is not None}
    return {
        "user": request.get("userId"),
        "session": request["sessionId"],
        "item": item,
        "time": int(event["sentAt"]),
        "columns": {name: value for name, value in columns.items() if column_key(name) not in _FIXED},
        "id": event.get("eventId"),
        "answered_by": answered_by,
    }


_FIXED = {"USERID", "ITEMID", "TIMESTAMP"}
_LOOSE = Schema.parse(
    {
        "type": "record",
        "name": "Interactions",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
            {"name": "EVENT_VALUE", "type": ["float", "null"]},
        ],
    }
)
"""What may stand in the properties of an event whatever the schema says."""
