"""Files wherever Spark can reach them (a folder, HDFS, ``s3://``), and output that appears whole or not at all.

Every task of Spark writes aside and renames when it is done, so a task that is killed and tried again leaves its rows once. The
same is done here for the whole job: everything goes into a hidden folder beside the target, which takes the target's place at
the end. A job that is killed before leaves the target as it was; a job that runs again replaces it. On an object store, where a
rename is a copy of each object, readers wait for the file that the job writes last (``account.json``).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

from helpers.errors import InputError


def join(folder: str, *names: str) -> str:
    """Return an address below a folder."""
    return "/".join([folder.rstrip("/"), *names])


def exists(spark: SparkSession, address: str) -> bool:
    """Return whether a file or folder is there."""
    system, path = _at(spark, address)
    return system.exists(path)


def write_text(spark: SparkSession, address: str, text: str) -> None:
    """Write a small text file in UTF-8."""
    system, path = _at(spark, address)
    stream = system.create(path, True)
    stream.write(bytearray(text.encode()))
    stream.close()


def name_parts(spark: SparkSession, folder: str, ending: str) -> None:
    """Give the files that Spark has written plain names, ``part-00000.csv``, ``part-00001.csv``, ..., and remove empty ones."""
    system, path = _at(spark, folder)
    child = spark._jvm.org.apache.hadoop.fs.Path
    found = {entry.getPath().getName(): entry.getLen() for entry in system.listStatus(path)}
    parts = sorted(name for name in found if name.startswith("part-"))
    for name in parts:
        if not found[name]:
            system.delete(child(path, name), False)
    for number, name in enumerate(name for name in parts if found[name]):
        system.rename(child(path, name), child(path, f"part-{number:05}.{ending}"))


@contextmanager
def written_whole(spark: SparkSession, out: str, over: tuple[str, ...] | None = None) -> Iterator[str]:
    """Give an address to write to that takes the place of ``out`` at the end; after any exception ``out`` is as before.

    What an earlier, killed writer left beside ``out`` is removed. One writer at a time: of two, the one that ends first wins
    and the other one fails.

    Args:
        over: names that a folder to be replaced may hold; any other is refused. None = anything is replaced.

    Raises:
        InputError: ``out`` holds something that ``over`` does not name, or cannot be replaced.
    """
    system, target = _at(spark, out)
    if over is not None:
        _refuse_foreign(system, target, over)
    parent, prefix = target.getParent(), f".{target.getName()}-"
    path = spark._jvm.org.apache.hadoop.fs.Path
    aside = path(parent, f"{prefix}{uuid.uuid4().hex[:12]}")
    new, old = path(aside, "new"), path(aside, "old")
    try:
        system.mkdirs(aside)
        yield new.toString()
        if system.exists(target) and not system.rename(target, old):
            raise InputError(f"{out} cannot be replaced; check its rights")
        if not system.rename(new, target):
            if system.exists(old):
                system.rename(old, target)
            raise InputError(
                f"{out} cannot be written; check the rights of its folder, or whether another job has just written it"
            )
        for entry in system.listStatus(parent):
            if entry.getPath().getName().startswith(prefix):
                system.delete(entry.getPath(), True)
    finally:
        system.delete(aside, True)


def _refuse_foreign(system: Any, target: Any, over: tuple[str, ...]) -> None:
    if not system.exists(target):
        return
    held = [entry.getPath().getName() for entry in system.listStatus(target)]
    foreign = sorted(name for name in held if name not in over and not name.startswith("."))
    if foreign:
        raise InputError(f"{target.toString()} holds other files ({', '.join(foreign[:3])}); name a new or empty folder")


def _at(spark: SparkSession, address: str) -> tuple[Any, Any]:
    path = spark._jvm.org.apache.hadoop.fs.Path(address)
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    return system, system.makeQualified(path)
