"""Time our metrics beside ranx on the same lists: ``python benchmarks/metrics.py [--users 1000 10000 ...]``.

Protocol: 25 recommendations and about 8 hidden items a user out of 10,000 items, seed 0; both compute precision at 5, 10
and 25, NDCG at 5, 10 and 25, and the reciprocal rank (ours also the service's reading of NDCG). Values are compared
before anything is timed. ranx is timed twice: with its Qrels and Run objects ready, and from data frames, as a user has them.
"""

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pandas as pd
from ranx import Qrels, Run
from ranx import evaluate as ranx_evaluate

from helpers import metrics
from helpers.interactions import Histories

N_ITEMS, LENGTH, MEAN_HIDDEN = 10_000, 25, 8
RANX_METRICS = ["precision@5", "precision@10", "precision@25", "ndcg@5", "ndcg@10", "ndcg@25", "mrr@25"]


def make(users: int, seed: int = 0) -> tuple[np.ndarray, Histories]:
    """Return random lists ``(users, 25)`` without repeats and truths that they hit about twice a user."""
    generator = np.random.default_rng(seed)
    start = generator.integers(0, N_ITEMS, (users, 1))
    ranked = ((start + generator.integers(1, 300, (users, 1)) * np.arange(LENGTH)) % N_ITEMS).astype(np.int32)
    lengths = 1 + generator.poisson(MEAN_HIDDEN - 1, users)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    hit = generator.random(offsets[-1]) < 0.25
    rows = np.repeat(np.arange(users), lengths)
    items = np.where(hit, ranked[rows, generator.integers(0, LENGTH, len(rows))], generator.integers(0, N_ITEMS, len(rows)))
    return ranked, Histories(items.astype(np.int32), np.zeros(len(rows), np.int64), offsets, np.arange(users, dtype=np.int32))


def ranx_frames(ranked: np.ndarray, truth: Histories) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the same lists and truths as the two frames that ranx reads (ids as object columns, which it asks for)."""
    users = np.arange(len(ranked)).astype(str)
    run = pd.DataFrame({"q_id": np.repeat(users, LENGTH), "doc_id": ranked.ravel().astype(str)})
    run["score"] = np.tile(np.arange(LENGTH, 0, -1.0), len(ranked))
    qrels = pd.DataFrame({"q_id": users[truth.rows], "doc_id": truth.items.astype(str), "score": 1}).drop_duplicates()
    return qrels.astype({"q_id": object, "doc_id": object}), run.astype({"q_id": object, "doc_id": object})


def best_of(repeats: int, call: Callable[[], object]) -> float:
    """Return the least seconds of several calls."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--ranx-most", type=int, default=100_000, help="largest number of users that ranx is asked for")
    args = parser.parse_args()
    ranked, truth = make(200)
    qrels, run = ranx_frames(ranked, truth)
    theirs = ranx_evaluate(Qrels.from_df(qrels), Run.from_df(run), RANX_METRICS)
    ours = {name: values.mean() for name, values in metrics.per_user(ranked, truth).items()}
    for k in metrics.CUTOFFS:
        assert np.isclose(theirs[f"ndcg@{k}"], ours[f"normalized_discounted_cumulative_gain_at_{k}"], atol=1e-9)
        assert np.isclose(theirs[f"precision@{k}"], ours[f"precision_at_{k}"], atol=1e-9)
    assert np.isclose(theirs["mrr@25"], ours["mean_reciprocal_rank_at_25"], atol=1e-9)
    print(f"values equal on 200 users; numpy {np.__version__}, numba {version('numba')}, ranx {version('ranx')}\n")
    print("| users | ours, seconds | users/s | ranx, objects ready | ratio | ranx, from frames | ratio |")
    print("|---|---|---|---|---|---|---|")
    for users in args.users:
        print(row(users, with_ranx=users <= args.ranx_most), flush=True)


def row(users: int, with_ranx: bool) -> str:
    """Return the table's row for so many users."""
    ranked, truth = make(users)
    mine = best_of(3, lambda: metrics.per_user(ranked, truth))
    cells = ["", "", "", ""]
    if with_ranx:
        frames = ranx_frames(ranked, truth)
        objects = Qrels.from_df(frames[0]), Run.from_df(frames[1])
        ready = best_of(2, lambda: ranx_evaluate(*objects, RANX_METRICS))
        built = best_of(1, lambda: ranx_evaluate(Qrels.from_df(frames[0]), Run.from_df(frames[1]), RANX_METRICS))
        cells = [f"{ready:.3f}", f"{ready / mine:.0f}x", f"{built:.3f}", f"{built / mine:.0f}x"]
    return f"| {users:,} | {mine:.4f} | {users / mine:,.0f} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
