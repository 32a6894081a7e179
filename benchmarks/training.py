"""How training grows: seconds and events a second of the HRNN on 0.1, 0.4 and 2 million interactions, GRU4Rec beside it.

    python benchmarks/training.py --sizes 0.1 0.4 2 --catalogue 4000

Synthetic interactions (Zipf items, log-normal histories, sessions of about twenty events); one epoch each; processor seconds,
so set OMP_NUM_THREADS=1 for figures that neighbours on the machine do not change. Prints Markdown.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "peers")]

import gru4rec  # noqa: E402

from helpers import recipes  # noqa: E402
from helpers.datasets.dataset import Dataset  # noqa: E402

DAY = 86_400


def synthetic(millions: float, n_items: int, seed: int = 0) -> Dataset:
    """Return interactions of about ``90`` events a user in sessions of about 20, over a year."""
    draw = np.random.default_rng(seed)
    n_users = max(100, int(millions * 1e6 / 90))
    lengths = draw.lognormal(0, 1, n_users)
    lengths = np.maximum(2, lengths / lengths.sum() * millions * 1e6).astype(np.int64)
    users = np.repeat(np.arange(n_users), lengths)
    popularity = np.cumsum(np.arange(1, n_items + 1) ** -0.8)
    items = np.searchsorted(popularity / popularity[-1], draw.random(len(users)))
    visit = (np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)) // 20
    times = draw.integers(0, 300 * DAY, n_users)[users] + visit * 7 * DAY + (np.arange(len(users)) % 20) * 10
    frame = {"USER_ID": [f"u{u:07}" for u in users], "ITEM_ID": [f"i{i:06}" for i in items], "TIMESTAMP": times}
    return Dataset.from_frames(f"synthetic-{millions}M", pd.DataFrame(frame))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="*", default=[0.1, 0.4, 2.0], help="million interactions")
    parser.add_argument("--catalogue", type=int, default=4000, help="items")
    parser.add_argument("--hidden", type=int, default=96)
    options = parser.parse_args()
    rows = []
    for size in options.sizes:
        data = synthetic(size, options.catalogue)
        start = time.process_time()
        recipes.get("aws-hrnn")(hidden_dimension=options.hidden, epochs=1).fit(data)
        seconds = time.process_time() - start
        row = {"interactions": len(data.interactions), "HRNN s": seconds, "HRNN events/s": len(data.interactions) / seconds}
        if gru4rec.installed() and size <= 0.5:
            start = time.process_time()
            gru4rec.fit(data.interactions, n_epochs=1)
            row["GRU4Rec events/s"] = len(data.interactions) / (time.process_time() - start)
        rows.append(row)
        print(row, flush=True)
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".1f"))


if __name__ == "__main__":
    main()
