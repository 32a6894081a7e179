"""The Glue preparation on Spark: raw files -> the three datasets, each a folder of CSV files that the service's import accepts.

The steps are those of :mod:`helpers.datasets.glue` and :mod:`helpers.datasets.online_retail`, the same functions on one
partition after the other; only what concerns all rows at once (repeats, types of columns) is Spark's. The rows are therefore the
same; tests compare them byte for byte. Two differences, both because one bad line must not stop a long job:

* A record that cannot be read goes to the folder ``quarantine`` with its reason, and so does a time in another unit than
  seconds; on one machine both end the preparation.
* Rows lie in many files, a user's interactions all in one of them, sorted by user and time. Events of one second keep the
  order of the raw files, as everywhere (the tie rule of :mod:`helpers.splits`).
"""

import functools
import json
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from helpers.datasets import glue
from helpers.errors import InputError
from helpers.scale import files, invoices, raw_events, raw_tables, staging, typed
from helpers.schemas import Schema
from helpers.schemas.schema import REQUIRED

FOLDERS = {"Interactions": "interactions", "Items": "items", "Users": "users"}
QUARANTINE, SCHEMA_FILE, ACCOUNT_FILE = "quarantine", "schema.json", "account.json"
WRITTEN = (*FOLDERS.values(), QUARANTINE, SCHEMA_FILE, ACCOUNT_FILE)
SOURCES = ("glue", "online-retail")

Account = dict[str, Any]
"""``read``, ``written``, ``dropped`` (reason -> number) and ``quarantined`` rows of one dataset."""


@dataclass(frozen=True)
class Table:
    """One dataset on its way: cleaned rows of text, their columns, and what became of the others."""

    kind: str
    rows: DataFrame
    columns: list[str]
    account: Account


def prepare(spark: SparkSession, raw: str, out: str, source: str = "glue") -> dict[str, Account]:
    """Prepare raw files for import: write ``interactions``, ``items``, ``users``, ``quarantine`` and two JSON files into ``out``.

    The folder appears whole or not at all; one written earlier is replaced. ``account.json``, written last, says what became of
    every record.

    Args:
        raw: address of the raw files: a folder, or ``s3://...`` on a cluster that can read it.
        out: address to write to.
        source: ``glue`` = ``user-item-interaction.json``, ``item.csv``, ``user.csv``, each a file or a folder of files;
            ``online-retail`` = invoices, one CSV file or many.

    Returns:
        Dataset type -> account.

    Raises:
        InputError: a file is missing or at fault as a whole, or ``out`` holds other files.
    """
    if source not in SOURCES:
        raise InputError(f"source {source!r} is not known; use {' or '.join(SOURCES)}")
    with files.written_whole(spark, out, over=WRITTEN) as new:
        stage = _Stage(spark, f"{new}-staged")
        tables = _glue(spark, raw, stage) if source == "glue" else _invoices(spark, raw, stage)
        written = {table.kind: _write(table, files.join(new, FOLDERS[table.kind])) for table in tables}
        stage.write_quarantine(files.join(new, QUARANTINE))
        accounts = {table.kind: table.account for table in tables}
        documents = {kind: json.loads(schema.to_json()) for kind, schema in written.items()}
        files.write_text(spark, files.join(new, SCHEMA_FILE), json.dumps(documents, indent=1, ensure_ascii=False))
        for kind, account in accounts.items():
            check_account(kind, account)
        files.write_text(spark, files.join(new, ACCOUNT_FILE), json.dumps(accounts, indent=1, ensure_ascii=False))
    return accounts


def check_account(kind: str, account: Account) -> None:
    """Make sure that every record read was written, dropped for a reason, or put into quarantine.

    Raises:
        ValueError: the sums differ, so rows were lost or doubled: a fault of this program or of the file system.
    """
    left = account["written"] + sum(account["dropped"].values()) + account["quarantined"]
    if account["read"] != left:
        raise ValueError(f"{kind}: {account['read']} records read, but {left} accounted for: {account}")


class _Stage:
    """Where rows that went through Python are kept, so that no raw file is read twice."""

    def __init__(self, spark: SparkSession, folder: str):
        self.spark, self.folder = spark, folder
        self._quarantines: dict[str, DataFrame] = {}

    def keep(self, staged: DataFrame, kind: str, name: str) -> tuple[DataFrame, Account, list[str]]:
        """Write staged rows of a raw table and return them as written, with what was left out so far and unknown fields.

        Of a dataset type that is kept twice, the second counts.
        """
        names = [address.rsplit("/", 1)[-1] for address in sorted(staged.inputFiles())]
        address = files.join(self.folder, name)
        staged.write.parquet(address)
        rows = self.spark.read.schema(staged.schema).parquet(address)
        found = staging.findings(rows)
        self._quarantines.pop(kind, None)
        if found.bad:
            numbers = self.spark.createDataFrame(list(enumerate(names)), "FILE int, SOURCE string")
            bad = staging.quarantine(rows, kind).join(F.broadcast(numbers), "FILE")
            self._quarantines[kind] = bad.select("DATASET_TYPE", "SOURCE", "REASON", "RAW")
        account = {"read": found.read, "written": 0, "dropped": found.left_out, "quarantined": found.bad}
        return rows, account, found.fields

    def write_quarantine(self, address: str) -> None:
        """Write the records that could not be read, a JSON object a line; nothing where all could."""
        if self._quarantines:
            functools.reduce(DataFrame.unionByName, self._quarantines.values()).coalesce(1).write.json(address)
            files.name_parts(self.spark, address, "json")


def _glue(spark: SparkSession, raw: str, stage: _Stage) -> list[Table]:
    found = {kind: files.join(raw, name) for kind, name in glue.FILES.items() if files.exists(spark, files.join(raw, name))}
    if "Interactions" not in found:
        raise InputError(f"{raw}: {glue.FILES['Interactions']} is not there, so there is nothing to learn from")
    tables = [_events(spark, found.pop("Interactions"), stage)]
    for kind, address in found.items():
        staged, columns = raw_tables.read(spark, address, kind)
        rows, account, _ = stage.keep(staged, kind, FOLDERS[kind])
        (key,) = REQUIRED[kind]
        rows = staging.kept(rows, columns)
        account["dropped"] |= _fewer(f"drop repeated {kind.lower()}", rows, [key])
        tables.append(Table(kind, _newest(rows, key, columns), columns, account))
    return tables


def _events(spark: SparkSession, address: str, stage: _Stage) -> Table:
    staged, columns = raw_events.read(spark, address)
    rows, account, unknown = stage.keep(staged, "Interactions", "events")
    if unknown:  # fields that the first lines did not have: read once more, now with a column for each
        staged, columns = raw_events.read(spark, address, unknown)
        rows, account, _ = stage.keep(staged, "Interactions", "all-events")
    return Table("Interactions", by_user(staging.kept(rows, columns)), columns, account)


def _invoices(spark: SparkSession, raw: str, stage: _Stage) -> list[Table]:
    rows, account, _ = stage.keep(invoices.read(spark, raw), "Interactions", "invoices")
    lines = staging.kept(rows, invoices.CELLS)
    n = account["read"] - account["quarantined"] - sum(account["dropped"].values())
    tables = []
    for kind, (key, step, table, columns) in invoices.tables(lines).items():
        own = account if kind == "Interactions" else {"read": n, "written": 0, "dropped": {}, "quarantined": 0}
        own["dropped"] |= _fewer(step, lines, key)
        tables.append(Table(kind, by_user(table) if kind == "Interactions" else table, columns, own))
    return tables


def by_user(rows: DataFrame) -> DataFrame:
    """Return interactions with a user's all in one partition, sorted by user, time and place in the raw files."""
    return rows.repartition("USER_ID").sortWithinPartitions("USER_ID", F.col("TIMESTAMP").cast("bigint"), "PLACE")


def _newest(rows: DataFrame, key: str, columns: list[str]) -> DataFrame:
    """Return the last row of each item or user."""
    cells = F.max_by(F.struct(*(F.col(f"`{name}`") for name in columns)), "PLACE").alias("cells")
    return rows.groupBy(key).agg(cells).select("cells.*").sortWithinPartitions(key)


def _fewer(step: str, rows: DataFrame, key: list[str]) -> dict[str, int]:
    """Return how many rows a step leaves out that keeps one for each key; counted apart from the step itself."""
    found = rows.agg(F.count("*").alias("rows"), F.countDistinct(*key).alias("keys")).first()
    n = found["rows"] - found["keys"]
    return {step: n} if n else {}


def _write(table: Table, address: str) -> Schema:
    """Write one dataset and complete its account."""
    rows = table.rows.persist(StorageLevel.DISK_ONLY)
    events = table.kind == "Interactions"
    schema = typed.infer(typed.first_of_repeats(rows, table.columns) if events else rows, table.columns, table.kind)
    seen, n = Observation(), F.col("N")
    sums = (F.sum(F.greatest(n, F.lit(0))).alias("written"), F.sum(F.greatest(-n, F.lit(0))).alias("repeats"))
    typed.lines(rows, schema).observe(seen, *sums).where("value is not null").select("value").write.text(address)
    rows.unpersist()
    files.name_parts(rows.sparkSession, address, "csv")
    table.account["written"] = seen.get["written"] or 0
    if seen.get["repeats"]:
        table.account["dropped"][f"drop repeated {table.kind.lower()}"] = seen.get["repeats"]
    return schema
