"""What each dataset group knows at this moment, in memory: attributes, imported interactions, streamed events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd

from helpers.filters import Table
from helpers.interactions import Interactions, Vocabulary
from helpers.personalize import data
from helpers.personalize.imports import read_parts
from helpers.personalize.resources import Resources
from helpers.schemas import Schema


@dataclass(frozen=True)
class Streamed:
    """One event that was sent while serving; ``number`` rises with arrival."""

    number: int
    item: str | None
    time: int
    columns: Mapping[str, Any]


class Group:
    """One dataset group. Tables load when they are first needed; what is put afterwards is added at once.

    Args:
        arn: the dataset group.
        schemas: by schema name (``Interactions``, ...).
        parts: the Parquet files of the imports, by schema name, oldest first.
        records: items and users put one by one, by schema name and id.
        events: streamed events with their numbers.
    """

    def __init__(self, arn: str, schemas: Mapping[str, Schema], parts: Mapping[str, list[Path]], records, events):
        self.arn, self.schemas, self.parts = arn, schemas, parts
        self.streamed: dict[str, list[Streamed]] = {}
        self.impressions: list[tuple[int, list[str]]] = []
        """Number of a streamed event and the items that were shown with it, in order of arrival."""
        self.newest = 0
        """Time of the newest streamed event of anybody, Unix seconds; 0 without one."""
        self.put_items: list[tuple[str, dict[str, Any]]] = list(records.get("Items", {}).items())
        """Items put one by one, in order of arrival: who holds a table of items applies what is new."""
        self._event_ids: set[str] = set()
        self._put_users: dict[str, dict[str, Any]] = dict(records.get("Users", {}))
        self._lock = RLock()
        self.add_events(events)

    def add_events(self, events: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Add streamed events to the histories of their users (of the session, where no user was named)."""
        for number, event in events:
            one = Streamed(number, event.get("item"), event["time"], event["columns"])
            self.streamed.setdefault(event.get("user") or event["session"], []).append(one)
            self.newest = max(self.newest, one.time)
            if event.get("id"):
                self._event_ids.add(event["id"])
            if one.columns.get("IMPRESSION"):
                self.impressions.append((number, one.columns["IMPRESSION"].split("|")))

    def unknown(self, events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the events whose id has not come before; those without an id are all new."""
        found: dict[str | int, Mapping[str, Any]] = {}
        for place, event in enumerate(events):
            if event.get("id") not in self._event_ids:
                found.setdefault(event.get("id") or place, event)
        return list(found.values())

    def add_users(self, records: Mapping[str, dict[str, Any]]) -> None:
        """Replace the attributes of users."""
        self._put_users |= records

    def events_of(self, user: str) -> list[Streamed]:
        """Return the user's streamed events in order of arrival."""
        return list(self.streamed.get(user, ()))

    def user(self, user: str) -> dict[str, Any]:
        """Return a user's attributes by upper-case name; none for an unknown one."""
        if user in self._put_users:
            return {name.upper(): value for name, value in self._put_users[user].items()}
        code = int(self._users[0].codes([user])[0]) if self._users else -1
        return self._users[1].row(code) if code >= 0 else {}

    def item_frame(self, item_ids: Vocabulary) -> pd.DataFrame | None:
        """Return the imported attributes of these items in code order; None without an Items dataset."""
        with self._lock:
            return None if self._items is None else self._items.reindex(item_ids.ids)

    def items_now(self) -> pd.DataFrame | None:
        """Return all items as they are now, imported and put: attributes in upper case by item id; None without a dataset."""
        imported = self._read("Items")
        if imported is None:
            return None
        schema = self.schemas["Items"]
        put = data.records_frame(dict(self.put_items), schema)
        return data.join(schema, [imported, put]).set_index("ITEM_ID").rename(columns=str.upper)

    @property
    def bulk(self) -> Interactions | None:
        """The imported interactions; None if there are none."""
        with self._lock:
            return self._bulk

    @cached_property
    def _bulk(self) -> Interactions | None:
        frame = self._read("Interactions")
        return Interactions.from_frame(_share_texts(frame)) if frame is not None and len(frame) else None

    @cached_property
    def _items(self) -> pd.DataFrame | None:
        frame = self._read("Items")
        return None if frame is None else frame.set_index("ITEM_ID")

    @cached_property
    def _users(self) -> tuple[Vocabulary, Table] | None:
        frame = self._read("Users")
        if frame is None:
            return None
        ids = Vocabulary(frame["USER_ID"])
        return ids, Table(frame.set_index("USER_ID").reindex(ids.ids), self.schemas["Users"])

    @property
    def users(self) -> tuple[Vocabulary, pd.DataFrame] | None:
        """The users' ids and attributes in code order, with those put one by one; None without a Users dataset."""
        frame = self._read("Users")
        if frame is None:
            return None
        frame = data.join(self.schemas["Users"], [frame, data.records_frame(self._put_users, self.schemas["Users"])])
        ids = Vocabulary(frame["USER_ID"])
        return ids, frame.set_index("USER_ID").reindex(ids.ids)

    def _read(self, kind: str) -> pd.DataFrame | None:
        if kind not in self.schemas:
            return None
        files = self.parts.get(kind)
        return data.join(self.schemas[kind], [read_parts(files)] if files else [])


class Groups:
    """The dataset groups in memory; :attr:`lock` orders what is put against what is read from disk."""

    def __init__(self, resources: Resources, folder: Path):
        self._resources, self._folder = resources, folder
        self._groups: dict[str, Group] = {}
        self.lock = RLock()

    def get(self, arn: str) -> Group:
        """Return a dataset group's data."""
        group = self._groups.get(arn)
        if group is None:
            with self.lock:
                group = self._groups.get(arn) or self._groups.setdefault(arn, self._load(arn))
        return group

    def loaded(self, arn: str) -> Group | None:
        """Return the group if it is in memory."""
        return self._groups.get(arn)

    def forget(self, arn: str) -> None:
        """Read the group anew when it is next needed: an import or a new schema has changed it."""
        with self.lock:
            self._groups.pop(arn, None)

    def schemas(self, arn: str) -> dict[str, Schema]:
        """Return the schemas of the group's datasets by schema name."""
        datasets = self._resources.all("Dataset", datasetGroupArn=arn)
        found = {data.KINDS[d["datasetType"]]: self._resources.store.find(d["schemaArn"]) for d in datasets}
        return {kind: Schema.parse(schema[1]["schema"]) for kind, schema in found.items()}

    def parts(self, arn: str) -> dict[str, list[Path]]:
        """Return the files of the group's imports by schema name."""
        datasets = self._resources.all("Dataset", datasetGroupArn=arn)
        return {data.KINDS[d["datasetType"]]: [self._folder / name for name in d.get("parts", ())] for d in datasets}

    def _load(self, arn: str) -> Group:
        store = self._resources.store
        datasets = self._resources.all("Dataset", datasetGroupArn=arn)
        records = {data.KINDS[d["datasetType"]]: store.records(d["datasetArn"]) for d in datasets}
        return Group(arn, self.schemas(arn), self.parts(arn), records, store.events(arn))


def _share_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with each text of an event column held once, however many rows have it."""
    shared = {}
    for name in frame.columns.difference(["USER_ID", "ITEM_ID", "TIMESTAMP"]):
        if not pd.api.types.is_numeric_dtype(frame[name].dtype):
            codes, texts = pd.factorize(frame[name].astype(object))
            shared[name] = np.append(np.asarray(texts, object), None)[codes]
    return frame.assign(**{name: pd.Series(values, frame.index, dtype=object) for name, values in shared.items()})
