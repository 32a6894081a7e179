"""The simulator: how fast the gift shop's users react to 100,000 shown lists.

    python benchmarks/simulator.py
    python benchmarks/simulator.py --lists 1000000

Every user who is with the shop comes every week; the same weeks are played with one seed after the other until it is enough.
The policy shows everybody the same ten items, so that what is timed is the simulator and not a recommender.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers import datasets  # noqa: E402
from helpers.datasets.shop.simulate import Behaviour, simulate  # noqa: E402

WEEKS = 40
EVERY_WEEK = Behaviour(visit_rate=1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lists", type=int, default=100_000, help="how many lists to show, at least")
    given = parser.parse_args()
    shop = datasets.load("gift-shop")
    popular = np.argsort(-np.bincount(shop.interactions.items), kind="stable")[:10]
    _ = shop.oracle.world.attraction  # the truth is drawn once, before the clock runs
    shown, taken, seed = 0, 0, 0
    wall, processor = time.perf_counter(), time.process_time()
    while shown < given.lists:
        log = simulate(
            lambda histories: np.tile(popular, (len(histories), 1)), None, WEEKS, seed, shop=shop, behaviour=EVERY_WEEK
        )
        shown, taken, seed = shown + len(log), taken + int(log.took.sum()), seed + 1
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| lists shown | something taken | seconds | CPU seconds | CPU seconds for 100,000 lists |\n|---|---|---|---|---|")
    print(f"| {shown:,} | {taken:,} | {wall:.1f} | {processor:.1f} | {100_000 * processor / shown:.1f} |")


if __name__ == "__main__":
    main()
