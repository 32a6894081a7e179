"""A trained solution version in memory, ready to answer: the model, the histories it was trained on, what came since."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from helpers import recipes
from helpers.filters import Events, Filter, Table, allowed
from helpers.interactions import EVENT_TYPE, Histories, Interactions, Vocabulary
from helpers.personalize.groups import Group
from helpers.personalize.training import SUMMARY, TRAINED
from helpers.schemas.schema import column_key


class Deployment:
    """Immutable but for the caches of attribute tables and the counts of exploration; answers from many threads.

    Attributes:
        model: what was trained.
        events: the interactions of the training, in the model's codes.
        version: the record of the solution version.
        watermark: number of the newest streamed event that the training knew.
        deleted: codes of users that were deleted since the training: their histories are not used, no segment has them.
    """

    def __init__(self, folder: Path, version: Mapping[str, Any], deleted_users: Collection[str] = ()):
        trained = folder / TRAINED
        self.version, self.watermark = version, version.get("watermark", 0)
        self.model = recipes.load(trained / "model")
        self.summary = json.loads((trained / SUMMARY).read_text(encoding="utf-8"))
        self.events = _read_events(trained, self.model.item_ids)
        codes = self.events.user_ids.codes(sorted(deleted_users))
        self.deleted = codes[codes >= 0]
        self._until = int(self.events.timestamps.max(initial=0))
        self._tables: tuple[Group, Table | None, int] | None = None
        self._bulk_codes: tuple[Interactions, np.ndarray] | None = None
        self._shown: tuple[Group, np.ndarray, int] | None = None
        self._requests: dict[str, int] = {}
        self._counting = Lock()

    def histories(self, users: Sequence[str | None], group: Group | None) -> Histories:
        """Return the histories of these users as known now: from the training, and streamed since (not without ``group``).

        They are asked at the newest time that the service knows of: the end of the training data, or the newest streamed event of
        anybody in the group if that is later. So the user who has just sent an event is inside a visit, and one who was away is
        at the start of the next. The clock of the machine plays no part: the data may be years old.
        """
        codes = self.events.user_ids.codes([user or "" for user in users])
        codes = np.where(np.isin(codes, self.deleted), -1, codes)
        rows = [self._history(user, code, group) for user, code in zip(users, codes, strict=True)]
        lengths = [len(items) for items, _, _ in rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        items, times = (np.concatenate([row[i] for row in rows]) for i in (0, 1))
        columns = {name: np.concatenate([row[2][name] for row in rows]) for name in self.events.columns}
        now = max(self._until, group.newest if group else 0)
        return Histories(items, times, offsets, codes, columns=columns).at(now)

    def _history(self, user: str | None, code: int, group: Group | None) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        known = slice(*self.events.offsets[code : code + 2]) if code >= 0 else slice(0, 0)
        items, times = self.events.items[known], self.events.timestamps[known]
        columns = {name: values[known] for name, values in self.events.columns.items()}
        new = [e for e in group.events_of(user) if e.number > self.watermark and e.item] if group and user else []
        if not new:
            return items, times, columns
        items = np.concatenate([items, self.model.item_ids.codes([e.item for e in new])])
        times = np.concatenate([times, np.array([e.time for e in new], np.int64)])
        columns = {name: _extend(values, [e.columns.get(name) for e in new]) for name, values in columns.items()}
        order = np.argsort(times, kind="stable")
        order = order[items[order] >= 0]  # an item that came after the training says nothing to the model
        return items[order], times[order], {name: values[order] for name, values in columns.items()}

    def shown(self, group: Group) -> np.ndarray:
        """Return how often each item was shown since the training, by the impressions of streamed events, ``(n_items,)``."""
        with self._counting:
            if self._shown is None or self._shown[0] is not group:
                self._shown = (group, np.zeros(self.model.n_items, np.int64), 0)
            _, counts, done = self._shown
            new = group.impressions[done:]
            names = [name for number, items in new if number > self.watermark for name in items]
            if names:
                codes = self.model.item_ids.codes(names)
                counts = counts + np.bincount(codes[codes >= 0], minlength=len(counts))
            self._shown = (group, counts, done + len(new))
            return counts

    def next_request(self, user: str) -> int:
        """Count a request of a user; return its number, from 0."""
        with self._counting:
            number = self._requests.get(user, 0)
            self._requests[user] = number + 1
            return number

    def context(self, given: Mapping[str, str], group: Group) -> dict[str, Any]:
        """Return the request's context by column name; keys that the schema does not know are left out, as the service does."""
        schema = group.schemas.get("Interactions")
        fields = {column_key(f.name): f for f in schema.fields} if schema else {}
        found = {}
        for key, text in given.items():
            field = fields.get(column_key(key))
            if field is not None:
                number = pd.to_numeric(text, errors="coerce") if field.type != "string" else text
                found |= {} if number is None or pd.isna(number) else {field.name: number}
        return found

    def allowed(self, filter: Filter, values: Mapping[str, str], user: str | None, group: Group) -> np.ndarray:
        """Return which items of the model's catalogue pass a filter for this user, bool ``(n_items,)``.

        Raises:
            InputError: a value is missing or cannot be used.
        """
        kinds = {field.dataset for field in filter.fields}
        return allowed(
            filter,
            self.model.n_items,
            table=self.items(group) if "Items" in kinds else None,
            events=self.seen(user, group) if "Interactions" in kinds and user else Events(np.zeros(0, np.int64), {}),
            user=group.user(user) if "CurrentUser" in kinds and user else {},
            values=values,
        )

    def items(self, group: Group) -> Table | None:
        """Return the present attributes of the model's items, with those put since; None without an Items dataset."""
        if self._tables is None or self._tables[0] is not group:
            frame = group.item_frame(self.model.item_ids)
            self._tables = (group, None if frame is None else Table(frame, group.schemas["Items"]), 0)
        _, table, done = self._tables
        if table is not None and done < len(group.put_items):
            new = group.put_items[done:]
            for code, (_, values) in zip(self.model.item_ids.codes([name for name, _ in new]), new, strict=True):
                if code >= 0:
                    table.set_row(int(code), {name.upper(): value for name, value in values.items()})
            self._tables = (group, table, done + len(new))
        return table

    def seen(self, user: str, group: Group) -> Events:
        """Return all events of a user as a filter sees them: imported and streamed, oldest first."""
        bulk, items, times = group.bulk, np.zeros(0, np.int64), np.zeros(0, np.int64)
        columns: dict[str, np.ndarray] = {}
        if bulk is not None:
            code = int(bulk.user_ids.codes([user])[0])
            mine = slice(*bulk.offsets[code : code + 2]) if code >= 0 else slice(0, 0)
            items, times = self._codes_of(bulk)[bulk.items[mine]], bulk.timestamps[mine]
            columns = {name: values[mine] for name, values in bulk.columns.items()}
        new = [event for event in group.events_of(user) if event.item]
        if new:
            items = np.concatenate([items, self.model.item_ids.codes([e.item for e in new])])
            times = np.concatenate([times, np.array([e.time for e in new], np.int64)])
            names = set(columns) | {name for event in new for name in event.columns}
            empty = np.full(len(times) - len(new), None, object)
            columns = {n: _extend(columns.get(n, empty), [e.columns.get(n) for e in new]) for n in names}
        order = np.argsort(times, kind="stable")
        upper = {name.upper(): values[order] for name, values in columns.items()}
        return Events(items[order], upper | {"TIMESTAMP": times[order]})

    def had(self, user: str, event_type: str, group: Group) -> np.ndarray:
        """Return the codes of the items with which a user has an event of this type, in any case of letters, ``(m,)``."""
        events = self.seen(user, group)
        types = events.columns.get(EVENT_TYPE, np.full(len(events.owners), None, object))
        same = np.array([isinstance(value, str) and value.lower() == event_type.lower() for value in types], bool)
        codes = events.owners[same]
        return codes[codes >= 0]

    def _codes_of(self, bulk: Interactions) -> np.ndarray:
        """Return the model's code of each item of the imported interactions."""
        if self._bulk_codes is None or self._bulk_codes[0] is not bulk:
            self._bulk_codes = (bulk, self.model.item_ids.codes(bulk.item_ids.ids))
        return self._bulk_codes[1]


def _read_events(folder: Path, item_ids: Vocabulary) -> Interactions:
    frame = pd.read_parquet(folder / "events.parquet")
    user_ids = Vocabulary(pd.read_parquet(folder / "users.parquet")["id"])
    users = frame["user"].to_numpy()
    offsets = np.searchsorted(users, np.arange(len(user_ids) + 1)).astype(np.int64)
    columns = {n.removeprefix("column:"): _column(frame[n]) for n in frame.columns if n.startswith("column:")}
    items, times = frame["item"].to_numpy(np.int32, copy=True), frame["time"].to_numpy(np.int64, copy=True)
    codes = np.arange(len(user_ids), dtype=np.int32)
    return Interactions(Histories(items, times, offsets, codes, columns=columns), user_ids, item_ids)


def _column(values: pd.Series) -> np.ndarray:
    """Return a column as an array; each text is held once, however many rows have it."""
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy("float64", copy=True)
    codes, texts = pd.factorize(values.astype(object))
    return np.append(np.asarray(texts, object), None)[codes]


def _extend(values: np.ndarray, more: list[Any]) -> np.ndarray:
    if np.issubdtype(values.dtype, np.number):
        return np.concatenate([values, np.array([np.nan if value is None else value for value in more], np.float64)])
    return np.concatenate([values, np.array([*more, None], object)[:-1]])
