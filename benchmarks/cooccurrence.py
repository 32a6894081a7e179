"""Time our co-occurrence kernel beside implicit's CosineRecommender and SciPy's X.T @ X, in alternation in one run.

    python benchmarks/cooccurrence.py --sizes 0.4 2 10 --repeats 3

Prints a Markdown table: best and median seconds, how much the process's peak memory grew, and whether the neighbours agree.
Synthetic interactions: Zipf-distributed items (exponent 0.8), log-normal history lengths; each size has its users and items
in proportion to real shops of that size.
"""

import argparse
import importlib.metadata
import os
import statistics
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.recipes.cooccurrence import related_items  # noqa: E402

USERS_AND_ITEMS = {0.4: (8_000, 10_000), 2.0: (40_000, 20_000), 10.0: (200_000, 30_000)}
SCIPY_LIMIT = 2_000_000
"""The product of whole matrices takes gigabytes beyond this many interactions."""


def interactions(millions: float, seed: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Return user and item code of each interaction, users rising, and the numbers of users and items."""
    n_users, n_items = USERS_AND_ITEMS.get(millions, (int(20_000 * millions), int(10_000 * max(1.0, millions) ** 0.5)))
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(0, 1, n_users)
    lengths = np.maximum(2, lengths / lengths.sum() * millions * 1e6).astype(np.int64)
    users = np.repeat(np.arange(n_users), lengths)
    popularity = np.cumsum(np.arange(1, n_items + 1) ** -0.8)
    ranks = np.searchsorted(popularity / popularity[-1], rng.random(len(users)))
    return users, rng.permutation(n_items)[ranks].astype(np.int32), n_users, n_items


def ours(users, items, matrix, keep, threads):
    return related_items(users, items, matrix.shape[1], keep=keep, threads=threads)


def implicit_cosine(users, items, matrix, keep, threads):
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=keep, num_threads=threads)
    model.fit(matrix, show_progress=False)
    return model


def scipy_product(users, items, matrix, keep, threads):
    together = (matrix.T @ matrix).tocsr()
    counts = together.diagonal()
    ids = np.full((matrix.shape[1], keep), -1, np.int32)
    for item in range(matrix.shape[1]):
        row = slice(together.indptr[item], together.indptr[item + 1])
        others, weights = together.indices[row], together.data[row] / np.sqrt(counts[item] * counts[together.indices[row]])
        best = np.argsort(-weights)[: keep + 1]
        best = best[others[best] != item][:keep]
        ids[item, : len(best)] = others[best]
    return ids


class PeakMemory:
    """Samples the process's resident memory; ``growth`` is the largest rise in MB."""

    def __enter__(self):
        self.process, self.done, self.growth = psutil.Process(), threading.Event(), 0.0
        self.start = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.005):
            self.growth = max(self.growth, (self.process.memory_info().rss - self.start) / 2**20)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def agreement(result: tuple[np.ndarray, np.ndarray], model, n: int = 500) -> float:
    """Return the share of checked items whose weights equal implicit's cosines (it lists the item itself too: set aside)."""
    checked = np.random.default_rng(0).permutation(len(result[0]))[:n]
    equal = 0
    for item in checked:
        row = model.similarity[item]
        theirs = np.sort(row.data[row.indices != item])[::-1]  # K - 1 others where the item itself takes a place
        equal += bool(np.allclose(result[1][item, : len(theirs)], theirs, atol=1e-5))
    return equal / len(checked)


def measure(millions: float, repeats: int, keep: int, threads: int, seed: int) -> list[str]:
    """Run all methods in alternation; return the rows of the table."""
    users, items, n_users, n_items = interactions(millions, seed)
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=(n_users, n_items))
    matrix.data[:] = 1  # a pair counts once
    methods = {"ours": ours, "implicit cosine": implicit_cosine}
    if len(users) <= SCIPY_LIMIT * 1.1:
        methods["scipy X.T @ X"] = scipy_product
    seconds = {name: [] for name in methods}
    memory = dict.fromkeys(methods, 0.0)
    results = {}
    for _ in range(repeats):
        for name, method in methods.items():
            results.pop(name, None)
            with PeakMemory() as peak:
                start = time.perf_counter()
                results[name] = method(users, items, matrix, keep, threads)
                seconds[name].append(time.perf_counter() - start)
            memory[name] = max(memory[name], peak.growth)
    same = agreement(results["ours"], results["implicit cosine"])
    rows = []
    for name in methods:
        best, median = min(seconds[name]), statistics.median(seconds[name])
        ratio = best / min(seconds["ours"])
        remark = f"{same:.1%} of items as implicit's" if name == "ours" else f"{ratio:.2f} x ours"
        rows.append(f"| {millions:g} M | {name} | {best:.2f} | {median:.2f} | {memory[name]:.0f} | {remark} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.4, 2.0], help="millions of interactions")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=int, default=100, help="neighbours of each item")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="implicit")
    related_items(np.array([0, 0]), np.array([0, 1], np.int32), 2, keep=2)  # compile first
    names = ("numba", "implicit", "scipy", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    print(f"{versions}; {given.threads} threads; seed {given.seed}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| interactions | method | best s | median s | peak memory + MB | |\n|---|---|---|---|---|---|")
    for millions in given.sizes:
        print("\n".join(measure(millions, given.repeats, given.keep, given.threads, given.seed)), flush=True)


if __name__ == "__main__":
    main()
