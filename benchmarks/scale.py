"""Where does one machine end? Seconds and memory of pandas and NumPy against Spark, on generated shops of growing size.

    python benchmarks/scale.py                          # every point that is not yet in data/measurements/scale.json
    python benchmarks/scale.py --sizes 1 --work sims    # some of them; --again measures anew what is there

Each point runs in a process of its own, with a limit on its time and its memory (10 GB); a point that breaks a limit
is noted as such. Memory is the largest sum over all processes of a point (Java and the Python workers), pages that several
share counted once; the Java process, driver and executors in one, has a heap of 2 GB whatever the size. The shops are generated
first, by Spark, into data/cache/scale (50 million interactions: 0.6 GB).
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from helpers import provenance  # noqa: E402

MEASURED = ROOT / "data" / "measurements" / "scale.json"
CACHE = ROOT / "data" / "cache" / "scale"
WORK = ("preparation", "popularity", "sims")
WAYS = ("one machine", "spark, 1 core", "spark, 2 cores")
GIGABYTES, HEAP = 10, "2g"
TOO_LARGE = 97
"""Exit code of a point that needs more memory than allowed."""


class Peak:
    """Watches the memory of this process and its children; ``total`` and ``java`` are the largest values seen, in MB."""

    def __enter__(self):
        self.total = self.java = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        me = psutil.Process()
        while not self._done.wait(0.5):
            total = 0.0
            for process in [me, *me.children(recursive=True)]:
                try:
                    java = process.name() == "java"
                    # Java shares next to nothing, and its exact figure takes long to find out
                    size = (process.memory_info().rss if java else process.memory_full_info().pss) / 2**20
                except psutil.Error:  # it has just ended
                    continue
                total += size
                self.java = max(self.java, size if java else 0.0)
            self.total = max(self.total, total)
            if total > 1024 * GIGABYTES:
                for child in me.children(recursive=True):
                    child.kill()
                os._exit(TOO_LARGE)

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def paths(millions: float) -> tuple[Path, Path]:
    """Return the folders of the raw files and of the events as Parquet."""
    return CACHE / f"raw-{millions:g}M", CACHE / f"events-{millions:g}M"


def generate(millions: float, raw: bool) -> None:
    """Generate the shop of this size, unless it is there."""
    from helpers.scale import batch
    from helpers.scale import generate as shop

    users, (raw_folder, events_folder) = shop.users_for(int(millions * 1e6)), paths(millions)
    spark = start(2)
    if raw and not raw_folder.exists():
        shop.write_raw(spark, str(raw_folder), users)
    if not events_folder.exists():
        batch.write(shop.events(spark, users).select("USER_ID", "ITEM_ID", "TIMESTAMP", "PLACE"), str(events_folder))


def start(cores: int):
    from helpers.scale import session

    return session.local(cores, HEAP, spark__sql__shuffle__partitions="32", spark__local__dir=str(CACHE / "spark"))


def on_one_machine(work: str, millions: float) -> dict[str, float]:
    """Run the work in this process; return seconds to read and to compute."""
    import pandas as pd

    from helpers import recipes
    from helpers.datasets import glue
    from helpers.datasets.dataset import Dataset, toy_dataset

    raw, events = paths(millions)
    if work == "preparation":
        whole = _as_one_file(raw)
        began = time.perf_counter()
        glue.prepare(whole, CACHE / "prepared-by-pandas")
        return {"seconds": time.perf_counter() - began}
    recipe = recipes.get({"popularity": "aws-popularity-count", "sims": "aws-sims"}[work])()
    recipe.fit(toy_dataset("warm-up", {"u": ["a", "b"], "v": ["a", "b"]}))  # compile first
    began = time.perf_counter()
    data = Dataset.from_frames("shop", pd.read_parquet(events, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))
    read = time.perf_counter() - began
    recipe.fit(data)
    return {"seconds": time.perf_counter() - began, "of which reading": read}


def _as_one_file(raw: Path) -> Path:
    """pandas reads one file; join the parts (done once, and not timed)."""
    folder = raw.with_name(f"{raw.name}-one-file")
    if not folder.exists():
        folder.mkdir()
        with (folder / "user-item-interaction.json").open("wb") as whole:
            for part in sorted((raw / "user-item-interaction.json").glob("part-*")):
                whole.write(part.read_bytes())
        (folder / "item.csv").write_bytes((raw / "item.csv").read_bytes())
    return folder


def on_spark(work: str, millions: float, cores: int) -> dict[str, float]:
    """Run the work on Spark; return seconds to start and to compute."""
    from helpers.scale import popularity, prepare, sims

    raw, events = paths(millions)
    began = time.perf_counter()
    spark = start(cores)
    spark.range(10).count()
    started = time.perf_counter()
    if work == "preparation":
        prepare.prepare(spark, str(raw), str(CACHE / "prepared-by-spark"))
    else:
        {"popularity": popularity, "sims": sims}[work].fit(spark.read.parquet(str(events)))
    return {"seconds": time.perf_counter() - started, "start seconds": started - began}


def point(work: str, millions: float, way: str) -> None:
    """Measure one point in this process and print it as JSON."""
    with Peak() as peak:
        found = on_one_machine(work, millions) if way == WAYS[0] else on_spark(work, millions, 1 if way == WAYS[1] else 2)
    memory = {"peak MB": peak.total} | ({"java MB": peak.java} if peak.java else {})
    print(json.dumps({name: round(value, 1) for name, value in (found | memory).items()}))


def measure(work: str, millions: float, way: str, limit: float) -> dict:
    """Measure one point in a new process; return it with ``failed`` where a limit was broken."""
    about = {"work": work, "millions": millions, "way": way, "load before": round(os.getloadavg()[0], 1)}
    command = [sys.executable, __file__, "--point", work, f"{millions:g}", way]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.communicate()
        return about | {"failed": f"longer than {limit:g} s"}
    if process.returncode == TOO_LARGE:
        return about | {"failed": f"more than {GIGABYTES} GB"}
    if process.returncode:
        raise RuntimeError(f"{work}, {millions:g} M, {way}: {errors[-2000:]}")
    return about | json.loads(printed.splitlines()[-1])


def save(points: list[dict]) -> None:
    machine = {
        "cores": os.cpu_count(),
        "memory GB": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(terse=True),
    }
    names = provenance.versions() | {name: importlib.metadata.version(name) for name in ("pyspark", "pyarrow")}
    about = {"date": f"{datetime.date.today()}", "machine": machine, "heap": HEAP, "versions": names}
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    MEASURED.write_text(json.dumps(about | {"points": points}, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 10, 50], help="millions of interactions")
    parser.add_argument("--work", nargs="+", default=WORK, choices=WORK)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--limit", type=float, default=170, help="seconds for a point")
    parser.add_argument("--again", action="store_true", help="measure anew what has been measured")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--generate", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.point:
        return point(given.point[0], float(given.point[1]), given.point[2])
    if given.generate:
        return generate(float(given.generate[0]), given.generate[1] == "raw")
    points = json.loads(MEASURED.read_text(encoding="utf-8"))["points"] if MEASURED.exists() else []
    for millions in given.sizes:
        what = "raw" if "preparation" in given.work else "events"
        subprocess.run([sys.executable, __file__, "--generate", f"{millions:g}", what], check=True)
        for work in given.work:
            for way in given.ways:
                key = {"work": work, "millions": millions, "way": way}
                old = [p for p in points if key.items() <= p.items()]
                if old and not given.again:
                    continue
                points = [p for p in points if p not in old] + [measure(work, millions, way, given.limit)]
                print(points[-1], flush=True)
                save(points)


if __name__ == "__main__":
    main()
