"""Does a search pay? Tuned against default SIMS on test users that the search has never seen, and what two workers save.

    HELPERS_DATA_DIR=... python benchmarks/tuning.py --trials 40 --seeds 0 1 2
    python benchmarks/tuning.py --dataset gift-shop --recipe local-content-based --part pays

Each seed gets a search of its own: under ``personalize`` the training users of one seed are test users of another. There the
users of all seeds are pooled at the end and compared in pairs; the other splits draw nobody, so their seeds ask the same users
and are not pooled. The searches of ``--part speed`` give nothing up early, so that one worker and two do the same work;
wall-clock seconds, the start of the workers included. Prints Markdown.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from helpers import datasets, metrics, tuning  # noqa: E402
from helpers.datasets.dataset import Dataset  # noqa: E402
from helpers.evaluation import NDCG  # noqa: E402


def pays(data: Dataset, recipe: str, splits: list[str], seeds: list[int], trials: int) -> pd.DataFrame:
    """Return a row a split and seed, and one for all seeds of a split."""
    rows = []
    for split in splits:
        pairs = []
        for seed in seeds:
            start = time.perf_counter()
            found = tuning.search(data, recipe, trials=trials, split=split, seed=seed)
            seconds = time.perf_counter() - start
            better = found.improvement()
            pairs.append((better.tuned.per_user[NDCG], better.default.per_user[NDCG]))
            values = ", ".join(f"{name} {value}" for name, value in found.algorithm_hyperparameters.items())
            given_up = int((found.trials["state"] == "pruned").sum())
            folds = f"{found.default_value:.4f} -> {found.best_value:.4f}"
            rows.append(_row(split, str(seed), pairs[-1:]) | {"on folds": folds, "given up": given_up, "s": round(seconds, 1)})
            rows[-1]["found"] = values
            print(f"{split} {seed}: {better}", file=sys.stderr, flush=True)
        if split == "personalize":
            rows.append(_row(split, "all", pairs))
    return pd.DataFrame(rows).astype(object).fillna("")


def _row(split: str, seed: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, object]:
    tuned, default = (np.concatenate(side) for side in zip(*pairs, strict=True))
    test = metrics.paired_test(tuned, default)
    difference = test.difference
    return {
        "split": split,
        "seed": seed,
        "test users": len(tuned),
        "default": f"{default.mean():.4f}",
        "tuned": f"{tuned.mean():.4f}",
        "difference": f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]",
        "p": f"{test.p_value:.4f}",
    }


def speed(data: Dataset, names: list[str], trials: int) -> pd.DataFrame:
    """Return the seconds of the same search with one worker and with two."""
    rows = []
    for name in names:
        for jobs in (1, 2):
            start = time.perf_counter()
            tuning.search(data, name, trials=trials, jobs=jobs, prune=False)
            seconds = time.perf_counter() - start
            rows.append({"recipe": name, "workers": jobs, "trials": trials, "s": round(seconds, 1)})
            print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="online-retail")
    parser.add_argument("--recipe", default="aws-sims")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--splits", nargs="*", default=["personalize", "temporal"])
    parser.add_argument("--speed-recipes", nargs="*", default=["aws-sims", "aws-similar-items"])
    parser.add_argument("--speed-trials", type=int, default=10)
    parser.add_argument("--part", choices=["pays", "speed", "all"], default="all")
    options = parser.parse_args()
    data = datasets.load(options.dataset)
    print(f"{data.name}: {len(data.interactions):,} interactions, {data.interactions.n_items:,} items; {options.recipe}")
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    if options.part in ("pays", "all"):
        print(pays(data, options.recipe, options.splits, options.seeds, options.trials).to_markdown(index=False), "\n")
    if options.part in ("speed", "all"):
        print(speed(data, options.speed_recipes, options.speed_trials).to_markdown(index=False))


if __name__ == "__main__":
    main()
