"""Measure the recipes beside their peers: same data, same splits, same seeds, same metrics, in one run.

    python benchmarks/recipes.py                                  # everything, about two hours on two cores
    python benchmarks/recipes.py --part retail --seeds 0          # one part; parts: retail, movielens, cold
    python benchmarks/recipes.py --report                         # only print the tables of what was measured so far

Every measurement is appended to ``runs/benchmarks/recipes.jsonl`` and never repeated: a run that was stopped goes on where it
was. Seeds draw the test users, shuffle ties and start the training. Nothing is chosen by looking at test users: the recipes have
one setting a data set, stated in SETTINGS. Peers: implicit (ALS, BM25), EASE in full, own histories, and GRU4Rec as cornac has it
(a port of the authors' code), where cornac is installed. Prints Markdown.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "peers")]

import gru4rec  # noqa: E402

from helpers import datasets, evaluation, metrics, recipes, splits  # noqa: E402
from helpers.interactions import Histories, Interactions  # noqa: E402
from helpers.metrics import LIST_LENGTH  # noqa: E402
from helpers.recipes.base import Model  # noqa: E402
from helpers.recipes.linear import linear_weights  # noqa: E402
from helpers.recipes.top_k import top_k  # noqa: E402

RESULTS = ROOT / "runs" / "benchmarks" / "recipes.jsonl"
NDCG, AWS = evaluation.NDCG, f"{evaluation.NDCG}_aws"
MRR, P5 = "mean_reciprocal_rank_at_25", "precision_at_5"

Ranker = Callable[[Interactions, Histories, np.ndarray | None], np.ndarray]
"""Training interactions, test histories, allowed items (or None) -> ranked item codes ``(n, 25)``."""


def own_frequency(train: Interactions, inputs: Histories, allowed) -> np.ndarray:
    """The user's own items, most frequent first; then popular items."""
    popularity = np.bincount(train.items, minlength=train.n_items)
    return _best(inputs.matrix(train.n_items).toarray() + popularity / (popularity.max() + 1), allowed)


def own_newest(train: Interactions, inputs: Histories, allowed) -> np.ndarray:
    """The user's own items, newest first; then popular items."""
    popularity = np.bincount(train.items, minlength=train.n_items)
    scores = np.tile(popularity / (popularity.max() + 1), (len(inputs), 1))
    np.maximum.at(scores, (inputs.rows, inputs.items), 1 + 1 / (1 + inputs.steps_back))
    return _best(scores, allowed)


def ease(train: Interactions, inputs: Histories, allowed) -> np.ndarray:
    """EASE with all its weights, regularisation 100."""
    taken = inputs.matrix(train.n_items)
    taken.data[:] = 1
    return _best((taken @ linear_weights(train, 100.0, keep=train.n_items)).toarray(), allowed)


def implicit_als(train: Interactions, inputs: Histories, allowed) -> np.ndarray:
    """implicit's ALS on counts, 64 factors, 15 iterations; test users are folded in."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=64, iterations=15, random_state=0, num_threads=1)
    model.fit(train.matrix(), show_progress=False)
    users = model.recalculate_user(np.arange(len(inputs)), inputs.matrix(train.n_items))
    return _best(users @ model.item_factors.T, allowed)


def implicit_bm25(train: Interactions, inputs: Histories, allowed) -> np.ndarray:
    """implicit's item-item neighbours with BM25 weights, 100 neighbours."""
    from implicit.nearest_neighbours import BM25Recommender

    model = BM25Recommender(K=100, num_threads=1)
    model.fit(train.matrix(), show_progress=False)
    return _best((inputs.matrix(train.n_items) @ model.similarity).toarray(), allowed)


def _best(scores: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    return top_k(np.asarray(scores, np.float32), LIST_LENGTH, allowed)[0]


PEERS: dict[str, Ranker] = {
    "own history, most frequent first": own_frequency,
    "own history, newest first": own_newest,
    "EASE": ease,
    "implicit ALS": implicit_als,
    "implicit BM25": implicit_bm25,
    "GRU4Rec (cornac)": gru4rec.rank,
}
SETTINGS = {
    "aws-hrnn": {"hidden_dimension": 128, "epochs": 6},
    "aws-user-personalization": {"hidden_dimension": 96, "epochs": 5},
    "aws-sims": {},
    "aws-popularity-count": {},
}
MOVIELENS = {"hidden_dimension": 48, "epochs": 4}
SHOP = {"hidden_dimension": 64, "epochs": 6}
COLD_BELOW = 15
"""Interactions in the training part below which an item counts as cold."""
ORACLE, ORACLE_DAYS = "the shop's oracle", 36

RETAIL_SPLITS = [("personalize", False), ("personalize", True), ("last-basket", False), ("temporal", False)]
GRU = "GRU4Rec (cornac)"
PARTS = ["retail", "movielens", "cold"]
QUICK = ["own history, most frequent first", "EASE", "implicit ALS", "implicit BM25", "aws-sims", "aws-popularity-count"]


def plan(parts: list[str], seeds: list[int]) -> list[dict]:
    """Return what to measure, the quick and decisive first."""
    jobs = []

    def add(method: str, data: str, split: str, seed: int, *, shuffle=False, unseen=False, cold=False, **settings):
        question = {"dataset": data, "split": split, "shuffle_ties": shuffle, "exclude_seen": unseen, "cold_items": cold}
        jobs.append({"method": method, "seed": seed, "hyperparameters": settings} | question)

    if "retail" in parts:
        for seed in seeds:
            for split, shuffle in RETAIL_SPLITS:
                for method in QUICK:
                    add(method, "online-retail", split, seed, shuffle=shuffle)
                settings = SETTINGS["aws-user-personalization"]
                add("aws-user-personalization", "online-retail", split, seed, shuffle=shuffle, **settings)
            for shuffle in (False, True):
                add("aws-hrnn", "online-retail", "personalize", seed, shuffle=shuffle, **SETTINGS["aws-hrnn"])
                add(GRU, "online-retail", "personalize", seed, shuffle=shuffle)
    if "movielens" in parts:
        for seed in range(10):
            settings = MOVIELENS
            for method in ("own history, newest first", "aws-sims", "aws-popularity-count"):
                add(method, "movielens-small-as-aws", "personalize", seed)
            add("aws-user-personalization", "movielens-small-as-aws", "personalize", seed, **settings)
            for method in ("EASE", "implicit ALS", "aws-sims", "aws-popularity-count"):
                add(method, "movielens-small-clicks", "personalize", seed, unseen=True)
            add("aws-user-personalization", "movielens-small-clicks", "personalize", seed, unseen=True, **settings)
    if "cold" in parts:
        for seed in seeds:
            for method in (ORACLE, "aws-popularity-count", "aws-sims", "aws-similar-items"):
                add(method, "gift-shop", "temporal", seed, cold=True)
            for method in ("aws-hrnn", "aws-user-personalization"):
                add(method, "gift-shop", "temporal", seed, cold=True, **SHOP)
            add("aws-hrnn-coldstart", "gift-shop", "temporal", seed, cold=True, cold_start_max_duration=60.0, **SHOP)
    return jobs


def measure(job: dict) -> dict:
    """Split, train, rank and measure one method; seconds are wall time, and processor time of the whole, which neighbours on the
    machine disturb less."""
    dataset = datasets.load(job["dataset"])
    parts = splits.split(dataset.interactions, job["split"], seed=job["seed"], shuffle_ties=job["shuffle_ties"])
    inputs, truth, allowed = parts.inputs, parts.truth, None
    if job["exclude_seen"]:
        allowed = evaluation.unseen(inputs, dataset.interactions.n_items)
    if job["cold_items"]:  # which of the cold items, for whom?
        allowed = np.bincount(parts.train.items, minlength=dataset.interactions.n_items) < COLD_BELOW
        truth = truth.keep(allowed[truth.items])
        asked = np.flatnonzero(truth.lengths)
        inputs, truth = inputs.take(asked), truth.take(asked)
    start, cpu = time.perf_counter(), time.process_time()
    if job["method"] == ORACLE:
        ranked = _best(dataset.oracle.scores(inputs, days=ORACLE_DAYS), allowed)
        trained = time.perf_counter()
    elif job["method"] in PEERS:
        ranked = PEERS[job["method"]](parts.train, inputs, allowed)
        trained = time.perf_counter()
    else:
        recipe = recipes.create(job["method"], job["hyperparameters"])
        model = recipe.fit(dataset.with_interactions(parts.train), seed=job["seed"])
        trained = time.perf_counter()
        ranked = _ranked(model, inputs, allowed)
    values = metrics.per_user(ranked, truth)
    interval = metrics.bootstrap_interval(values[NDCG])
    found = {name: float(values[name].mean()) for name in values}
    found["coverage"] = metrics.coverage(ranked, dataset.interactions.n_items)
    seconds = {"train_seconds": trained - start, "score_seconds": time.perf_counter() - trained}
    seconds["cpu_seconds"] = time.process_time() - cpu
    per_user = {NDCG: np.round(values[NDCG], 6).tolist(), MRR: np.round(values[MRR], 6).tolist()}
    where = {"threads": os.environ.get("OMP_NUM_THREADS", "all"), "machine": platform.processor() or platform.machine()}
    return job | {"metrics": found, "ndcg_interval": [interval.low, interval.high], "per_user": per_user} | seconds | where


def _ranked(model: Model, inputs: Histories, allowed: np.ndarray | None) -> np.ndarray:
    lists = []
    for start in range(0, len(inputs), 1024):
        block = slice(start, start + 1024)
        some = allowed if allowed is None or allowed.ndim == 1 else allowed[block]
        lists.append(model.recommend(inputs.take(block), LIST_LENGTH, some)[0])
    return np.concatenate(lists)


def run(jobs: list[dict]) -> None:
    """Measure what was not measured yet; a peer that is not installed is named and passed over."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    done = {_key(row) for row in read()}
    for number, job in enumerate(jobs, start=1):
        if _key(job) in done:
            continue
        if job["method"] == GRU and not gru4rec.installed():
            print(f"{GRU}: cornac is not installed (pip install cornac); passed over", flush=True)
            continue
        row = measure(job)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        found = row["metrics"]
        what = f"{job['method']}, {job['dataset']}, {job['split']}{', shuffled' * job['shuffle_ties']}, seed {job['seed']}"
        print(f"{number}/{len(jobs)} {what}: NDCG {found[NDCG]:.4f} aws {found[AWS]:.4f} MRR {found[MRR]:.4f}"
              f" P@5 {found[P5]:.4f} in {row['train_seconds']:.0f} s", flush=True)  # fmt: skip


def read() -> list[dict]:
    """Return all measurements so far."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def _key(row: dict) -> str:
    names = ("method", "dataset", "split", "seed", "shuffle_ties", "exclude_seen", "hyperparameters")
    return json.dumps([*(row[name] for name in names), row.get("cold_items", False)], sort_keys=True)


def report(rows: list[dict]) -> None:
    """Print a table for each question: means over seeds, interval over all test users, paired test against the best other."""
    questions: dict[tuple, dict[str, list[dict]]] = {}
    for row in rows:
        question = row["dataset"], row["split"], row["shuffle_ties"], row["exclude_seen"], row.get("cold_items", False)
        name = " ".join([row["method"], *(f"{k}={v}" for k, v in row["hyperparameters"].items())])
        questions.setdefault(question, {}).setdefault(name, []).append(row)
    for (data, split, shuffled, unseen, cold), methods in questions.items():
        options = f"{', ties shuffled' * shuffled}{', seen removed' * unseen}{', cold items only' * cold}"
        print(f"\n### {data}, {split}{options}\n")
        table = [_line(name, found, methods) for name, found in methods.items()]
        print(pd.DataFrame(table).sort_values("NDCG@25", ascending=False).to_markdown(index=False, floatfmt=".4f"))


def _line(name: str, found: list[dict], methods: dict[str, list[dict]]) -> dict:
    found = sorted(found, key=lambda row: row["seed"])
    interval = metrics.bootstrap_interval(_users(found))
    means = {key: np.mean([row["metrics"][key] for row in found]) for key in (NDCG, AWS, MRR, P5, "coverage")}
    return {
        "method": name,
        "seeds": len(found),
        "NDCG@25": means[NDCG],
        "users 95 %": f"{interval.low:.3f}-{interval.high:.3f}",
        "over seeds": f"{min(row['metrics'][NDCG] for row in found):.3f}-{max(row['metrics'][NDCG] for row in found):.3f}",
        "NDCG@25 aws": means[AWS],
        "MRR@25": means[MRR],
        "P@5": means[P5],
        "coverage": means["coverage"],
        "train s": f"{np.mean([row['train_seconds'] for row in found]):.0f}",
        "cpu s": f"{np.mean([row.get('cpu_seconds', np.nan) for row in found]):.0f}",
        "p against best": _against_best(found, methods),
    }


def _users(rows: list[dict]) -> np.ndarray:
    """Return the NDCG of each test user; users that all seeds share count once, by their mean."""
    values = [row["per_user"][NDCG] for row in rows]
    return np.concatenate(values) if rows[0]["split"] == "personalize" else np.mean(values, axis=0)


def _against_best(found: list[dict], methods: dict[str, list[dict]]) -> str:
    """Return the p-value of the paired test against the best method measured on the same seeds."""
    seeds = {row["seed"] for row in found}
    values = {}
    for name, rows in methods.items():
        alike = [row for row in sorted(rows, key=lambda r: r["seed"]) if row["seed"] in seeds]
        if len(alike) == len(found):
            values[name] = _users(alike)
    best = max(values, key=lambda name: values[name].mean())
    own = _users(found)
    return "best" if np.array_equal(own, values[best]) else f"{metrics.paired_test(own, values[best]).p_value:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="default: all")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--only", help="measure only methods whose name holds this text")
    parser.add_argument("--report", action="store_true", help="print the tables and measure nothing")
    options = parser.parse_args()
    if not options.report:
        jobs = plan(options.part or PARTS, options.seeds)
        run([job for job in jobs if not options.only or options.only in job["method"]])
    report(read())


if __name__ == "__main__":
    main()
