"""The home folder and what is written in it: resources, tags, streamed events and records, in SQLite (WAL mode).

Every method is one transaction: after a kill at any moment all of it is there, or nothing. The folder belongs to its owner
alone, and to one process at a time.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from helpers.errors import InputError

DATABASE = "personalize.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS resources (seq INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
                                      body TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS resources_by_kind ON resources (kind, seq);
CREATE TABLE IF NOT EXISTS tags (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key));
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, dataset_group TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_group ON events (dataset_group, seq);
CREATE TABLE IF NOT EXISTS records (dataset TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (dataset, id));
CREATE TABLE IF NOT EXISTS deleted_users (dataset_group TEXT NOT NULL, id TEXT NOT NULL, time REAL NOT NULL,
                                          PRIMARY KEY (dataset_group, id));
"""


class Store:
    """All that one service remembers.

    Args:
        home: the folder; made for its owner alone where it does not exist.

    Raises:
        InputError: the folder is in use by another service, belongs to somebody else, or holds other things.
    """

    def __init__(self, home: str | Path):
        self.home = Path(home).expanduser().absolute()
        _own(self.home)
        self._lock_file = _claim(self.home)
        self._lock = RLock()
        self._db = sqlite3.connect(self.home / DATABASE, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock:
            self._db.close()
            self._lock_file.close()

    @contextmanager
    def transaction(self):
        """Group several calls: all are written or none; other threads wait."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def insert(self, kind: str, arn: str, body: Mapping[str, Any]) -> bool:
        """Write a new resource; False where the ARN is taken. One that is being deleted makes room."""
        with self.transaction():
            self._db.execute("DELETE FROM resources WHERE arn = ? AND deleted = 1", (arn,))
            text = json.dumps(body)
            return (
                self._db.execute("INSERT OR IGNORE INTO resources (arn, kind, body) VALUES (?, ?, ?)", (arn, kind, text)).rowcount
                == 1
            )

    def find(self, arn: str) -> tuple[str, dict[str, Any], bool] | None:
        """Return kind, body and whether it is being deleted; None if there is no such resource."""
        row = self._one("SELECT kind, body, deleted FROM resources WHERE arn = ?", (arn,))
        return (row[0], json.loads(row[1]), bool(row[2])) if row else None

    def update(self, arn: str, **changes: Any) -> dict[str, Any]:
        """Change members of a resource (None removes one) and return its new body; a vanished one stays away."""
        with self.transaction():
            row = self._one("SELECT body FROM resources WHERE arn = ?", (arn,))
            body = {} if row is None else {k: v for k, v in {**json.loads(row[0]), **changes}.items() if v is not None}
            self._db.execute("UPDATE resources SET body = ? WHERE arn = ?", (json.dumps(body), arn))
            return body

    def listed(self, kind: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return number and body of the resources of a kind, oldest first, without those being deleted."""
        rows = self._all("SELECT seq, body FROM resources WHERE kind = ? AND seq > ? AND deleted = 0 ORDER BY seq", (kind, after))
        return [(seq, json.loads(body)) for seq, body in rows]

    def mark_deleted(self, arn: str) -> None:
        """Take a resource out of every list; :meth:`find` still shows it until :meth:`remove`."""
        with self.transaction():
            self._db.execute("UPDATE resources SET deleted = 1 WHERE arn = ?", (arn,))
            self._db.execute("DELETE FROM tags WHERE arn = ?", (arn,))

    def remove(self, arn: str) -> None:
        """Forget a resource and its tags."""
        with self.transaction():
            self._db.execute("DELETE FROM resources WHERE arn = ?", (arn,))
            self._db.execute("DELETE FROM tags WHERE arn = ?", (arn,))

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource."""
        return dict(self._all("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", (arn,)))

    def set_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags or replace their values."""
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", [(arn, *pair) for pair in tags.items()])

    def remove_tags(self, arn: str, keys: Iterable[str]) -> None:
        """Remove tags; those that are not there do not matter."""
        with self.transaction():
            self._db.executemany("DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys])

    def add_events(self, group: str, events: Sequence[Mapping[str, Any]]) -> list[int]:
        """Append streamed events of a dataset group and return their rising numbers."""
        with self.transaction():
            insert = "INSERT INTO events (dataset_group, body) VALUES (?, ?)"
            return [self._db.execute(insert, (group, json.dumps(event))).lastrowid for event in events]

    def events(self, group: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return number and body of a group's streamed events, in the order in which they came."""
        rows = self._all("SELECT seq, body FROM events WHERE dataset_group = ? AND seq > ? ORDER BY seq", (group, after))
        return [(seq, json.loads(body)) for seq, body in rows]

    def remove_events(self, group: str) -> None:
        """Forget a group's streamed events."""
        with self.transaction():
            self._db.execute("DELETE FROM events WHERE dataset_group = ?", (group,))

    def put_records(self, dataset: str, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Write items or users one by one; the same id replaces."""
        with self.transaction():
            rows = [(dataset, key, json.dumps(body)) for key, body in records.items()]
            self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)

    def records(self, dataset: str) -> dict[str, dict[str, Any]]:
        """Return the records put one by one."""
        return {key: json.loads(body) for key, body in self._all("SELECT id, body FROM records WHERE dataset = ?", (dataset,))}

    def remove_records(self, dataset: str) -> None:
        """Forget the records of a dataset."""
        with self.transaction():
            self._db.execute("DELETE FROM records WHERE dataset = ?", (dataset,))

    def delete_users(self, group: str, datasets: Iterable[str], users: Iterable[str], time: float) -> int:
        """Forget what users of a dataset group have sent, and remember since when they are deleted.

        Args:
            group: the dataset group.
            datasets: its datasets, whose records go by the users' ids.
            users: their ids.
            time: Unix seconds.

        Returns:
            The number of events and records that went.
        """
        users = set(users)
        with self.transaction():
            before = self._db.total_changes
            theirs = [(number,) for number, event in self.events(group) if (event.get("user") or event["session"]) in users]
            self._db.executemany("DELETE FROM events WHERE seq = ?", theirs)
            keys = [(dataset, user) for dataset in datasets for user in users]
            self._db.executemany("DELETE FROM records WHERE dataset = ? AND id = ?", keys)
            gone = self._db.total_changes - before
            rows = [(group, user, time) for user in users]
            self._db.executemany("INSERT OR REPLACE INTO deleted_users VALUES (?, ?, ?)", rows)
        return gone

    def deleted_users(self, group: str, since: float) -> set[str]:
        """Return the users of a dataset group that were deleted after a moment (Unix seconds)."""
        rows = self._all("SELECT id FROM deleted_users WHERE dataset_group = ? AND time > ?", (group, since))
        return {row[0] for row in rows}

    def remove_deleted_users(self, group: str) -> None:
        """Forget who was deleted from a dataset group that is no more."""
        with self.transaction():
            self._db.execute("DELETE FROM deleted_users WHERE dataset_group = ?", (group,))

    def _one(self, query: str, values: tuple) -> tuple | None:
        with self._lock:
            return self._db.execute(query, values).fetchone()

    def _all(self, query: str, values: tuple) -> list[tuple]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def _own(home: Path) -> None:
    """Make the folder, readable by its owner alone."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = {path.name for path in home.iterdir()} - {"s3", "lock"}
        if found and DATABASE not in found:
            raise InputError(f"{home} holds other things ({', '.join(sorted(found)[:3])}); choose an empty or new folder as home")
        if home.stat().st_uid != os.getuid():
            raise InputError(f"{home} belongs to another user; choose a home of your own")
        home.chmod(0o700)
    except OSError as fault:
        raise InputError(f"{home} cannot be the home ({fault.strerror}); choose another folder") from fault


def _claim(home: Path):
    """Lock the folder for as long as this process lives."""
    file = (home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise InputError(f"{home} is in use by {holder}; stop that service or choose another home") from fault
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()}")
    file.flush()
    return file
