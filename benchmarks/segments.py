"""Segments: how fast 500 queries over 100,000 users are answered, and how much better than plain baselines they are.

    python benchmarks/segments.py --speed
    python benchmarks/segments.py --quality --seeds 0 1 2

``--speed`` trains Item-Affinity on synthetic interactions (Zipf-distributed items, log-normal history lengths) and times the
segments.
``--quality`` compares both recipes with the baselines of ``helpers.segmentation`` on real data (it needs HELPERS_DATA_DIR):
hits and recall at 1 %, 95 % intervals over queries, and the paired difference to the best baseline. A seed draws the queries (at
most 500) and orders events of one second anew. Without an option both are run; quality is skipped where the data are missing.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers import datasets, metrics, recipes, segmentation  # noqa: E402
from helpers.datasets import Dataset  # noqa: E402
from helpers.errors import InputError  # noqa: E402
from helpers.evaluation import peak_memory  # noqa: E402
from helpers.interactions import Histories, Interactions, Vocabulary  # noqa: E402

QUALITY = [
    ("gift-shop", "aws-item-affinity", None),
    ("gift-shop", "aws-item-attribute-affinity", None),
    ("online-retail", "aws-item-affinity", None),
    ("movielens-small-clicks", "aws-item-attribute-affinity", ["GENRES"]),
    ("movielens-small-clicks", "aws-item-affinity", None),
]


def synthetic(n_users: int, n_items: int, millions: float, seed: int) -> Dataset:
    """Return a dataset of about so many interactions."""
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(0, 1, n_users)
    lengths = np.maximum(1, lengths / lengths.sum() * millions * 1e6).astype(np.int64)
    popularity = np.cumsum(np.arange(1, n_items + 1) ** -0.8)
    items = np.searchsorted(popularity / popularity[-1], rng.random(lengths.sum()))
    users = np.repeat(np.arange(n_users), lengths)
    times = rng.integers(0, 365 * 86_400, len(users))
    order = np.lexsort((times, users))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    codes = rng.permutation(n_items)[items].astype(np.int32)
    histories = Histories(codes[order], times[order], offsets, np.arange(n_users, dtype=np.int32))
    names = [Vocabulary([f"{kind}{code:07}" for code in range(n)]) for kind, n in (("u", n_users), ("i", n_items))]
    return Dataset("synthetic", Interactions(histories, *names))


def speed(given: argparse.Namespace) -> None:
    """Print a table of seconds and memory."""
    data = synthetic(given.users, given.items, given.millions, 0)
    warm = synthetic(300, 200, 0.01, 0)
    recipes.get("aws-item-affinity")().fit(warm).segment([0], 5)  # compile first
    print(
        f"{given.users:,} users, {given.items:,} items, {len(data.interactions):,} interactions; {os.cpu_count()} cores, ", end=""
    )
    print(f"load {os.getloadavg()[0]:.1f}\n\n| step | seconds | CPU seconds | peak memory MB |\n|---|---|---|---|")
    with peak_memory() as peak:
        start = clocks()
        model = recipes.get("aws-item-affinity")().fit(data)
        print(f"| train | {elapsed(start)} | {peak():.0f} |", flush=True)
    queries = np.random.default_rng(0).permutation(np.unique(data.interactions.items))[: given.queries]
    model.segment(queries[:1], 1)  # the tables are built at the first question
    for k in (given.users // 100, given.users):
        with peak_memory() as peak:
            start = clocks()
            users = sum(block.size for block, _ in model.segments(queries, k))
        print(f"| {len(queries)} queries, {k:,} users each ({users:,} in all) | {elapsed(start)} | {peak():.0f} |", flush=True)


def clocks() -> tuple[float, float]:
    """Return the wall clock and the processor time of this process: on a busy machine only the latter can be compared."""
    return time.perf_counter(), time.process_time()


def elapsed(start: tuple[float, float]) -> str:
    return " | ".join(f"{now - then:.1f}" for now, then in zip(clocks(), start, strict=True))


def quality(seeds: list[int], only: list[str]) -> None:
    """Print a table a data set: each method over all seeds, and the recipe's lead over the best baseline."""
    for name, recipe, columns in (line for line in QUALITY if line[0] in only):
        try:
            data = datasets.load(name)
        except InputError as missing:
            print(f"skipped: {missing}\n")
            continue
        values: dict[str, dict[str, list[np.ndarray]]] = {}
        for seed in seeds:
            questions = (
                segmentation.item_questions(data, seed, shuffle_ties=True)
                if recipe == "aws-item-affinity"
                else segmentation.attribute_questions(data, seed, columns=columns, shuffle_ties=True)
            )
            for method in (recipe, *segmentation.BASELINES):
                record = segmentation.evaluate(questions, method)
                for metric, found in record.per_user.items():
                    values.setdefault(metric, {}).setdefault(method, []).append(found)
        print(f"### {name}, {recipe}: {questions.n_users:,} users, {len(questions.queries)} queries a seed, seeds {seeds}\n")
        print(_table(values), flush=True)


def _table(values: dict[str, dict[str, list[np.ndarray]]]) -> str:
    rows, leads = {}, []
    for metric, found in values.items():
        pooled = {method: np.concatenate(parts) for method, parts in found.items()}
        for method, numbers in pooled.items():
            rows.setdefault(method, {})[metric] = str(metrics.bootstrap_interval(numbers))
        ours, *baselines = pooled
        best = max(baselines, key=lambda method: pooled[method].mean())
        test = metrics.paired_test(pooled[ours], pooled[best])
        by_seed = ", ".join(f"{a.mean() / b.mean() - 1:+.1%}" for a, b in zip(found[ours], found[best], strict=True))
        lead = pooled[ours].mean() / pooled[best].mean() - 1
        leads.append(f"{metric}: {lead:+.1%} over {best} (by seed {by_seed}), {test}")
    frame = pd.DataFrame(rows).T.rename_axis("method").reset_index()
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [frame.columns, ["---"] * len(frame.columns), *frame.to_numpy()]]
    return "\n".join([*lines, "", *leads, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--millions", type=float, default=2.0, help="millions of interactions")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    names = list(dict.fromkeys(name for name, *_ in QUALITY))
    parser.add_argument("--only", nargs="+", default=names, choices=names, help="data sets to compare on")
    given = parser.parse_args()
    if given.speed or not given.quality:
        speed(given)
    if given.quality or not given.speed:
        quality(given.seeds, given.only)


if __name__ == "__main__":
    main()
