"""A Spark session: a small one on this machine, or the one that spark-submit or Glue has started."""

import contextlib
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from helpers.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OLDEST_JAVA = 17
SHORT = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""For sessions of a minute: Java and Spark compile programs of their own on the way, which only pays in longer ones."""

ROWS_AT_ONCE = 20_000
"""Rows that Spark hands to a Python function in one piece."""

COMMON = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS_AT_ONCE),
}
"""What every session needs, wherever it runs."""

FEW_TASKS = {"spark.sql.shuffle.partitions": "4"}
"""Spark's default of 200 is for clusters; on one machine starting that many tasks takes longer than their work."""

LOCAL = (
    COMMON
    | FEW_TASKS
    | {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.python.daemon.module": "helpers.scale.daemon",
        "spark.default.parallelism": "4",
        "spark.log.level": "ERROR",
    }
)
"""On one machine: nothing listens beyond it, few tasks, no chatter."""


def local(cores: int | str = 2, memory: str = "2g", short: bool = False, attempts: int = 3, **settings: str) -> "SparkSession":
    """Start Spark on this machine, or return the session that runs already.

    Args:
        cores: threads to work with; ``"*"`` = all cores.
        memory: of the Java process, e.g. ``2g``; the Python workers come on top.
        short: start for a minute of work on small data, as lessons and tests do.
        attempts: how often a task is tried before the job fails.
        settings: more of Spark's settings, ``__`` for a dot: ``spark__sql__shuffle__partitions="8"``.

    Raises:
        InputError: PySpark or Java is missing.
    """
    missing = why_not()
    if missing:
        raise InputError(missing)
    with _arrow_only():
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    chosen = (
        LOCAL
        | (SHORT if short else {})
        | {"spark.driver.memory": memory}
        | {name.replace("__", "."): value for name, value in settings.items()}
    )
    conf = SparkConf().setMaster(f"local[{cores},{attempts}]").setAppName("helpers").setAll(chosen.items())
    # Java greets on the error stream before any setting of Spark's counts; a fault of a job comes back as an exception anyway.
    gateway = launch_gateway(conf, {"stderr": subprocess.DEVNULL})
    with _arrow_only():
        return SparkSession(SparkContext(conf=conf, gateway=gateway))


def current() -> "SparkSession":
    """Return the session for a job: the cluster's under spark-submit or Glue, else a local one on all cores."""
    if not _was_submitted():
        return local(cores="*")
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    chosen = COMMON | (FEW_TASKS if spark.sparkContext.master.startswith("local") else {})
    for name, value in chosen.items():
        spark.conf.set(name, value)
    return spark


def through_python(
    frame: "DataFrame", work: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: str
) -> "DataFrame":
    """Return what a Python function makes of a DataFrame, partition by partition.

    Args:
        work: gets the record batches of one partition, in order, and yields any number of its own.
        schema: columns of the result, as in ``USER_ID string, RANK int``.
    """
    with _arrow_only():
        return frame.mapInArrow(work, schema)


def batches_of(frame: pd.DataFrame, form: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield a frame's columns of that schema as record batches; columns it lacks are missing."""
    table = pa.Table.from_pandas(frame.reindex(columns=form.names), form, preserve_index=False)
    yield from table.combine_chunks().to_batches()


@contextlib.contextmanager
def _arrow_only() -> Iterator[None]:
    """Leave out PySpark's warning about new versions of pandas: it is about its own conversions, and here only Arrow passes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        yield


def _was_submitted() -> bool:
    """spark-submit, and Glue, start Python as a child of the Java process and say by this variable where it listens."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


@functools.cache
def why_not() -> str:
    """Return in one sentence why Spark cannot run on this machine; empty if it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed; add the extra: make .venv EXTRAS=spark, or pip install -e .[spark]"
    java = _java()
    if java is None:
        return f"Spark needs a Java runtime, version {OLDEST_JAVA} or newer, and none was found; install one or set JAVA_HOME"
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None or int(version.group(1)) < OLDEST_JAVA:
        return f"Spark needs Java {OLDEST_JAVA} or newer; {java} says: {' '.join(told.split())[:80] or 'nothing'}"
    return ""


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").is_file():
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")
