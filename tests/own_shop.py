"""A reader's own data set, just large enough to train and test on: a folder with interactions and nothing else."""

from pathlib import Path

import numpy as np
import pandas as pd


def own_shop(root: Path, users: int = 60, events: int = 1500, pause: int = 3600) -> Path:
    """Write ``own-shop`` below ``root``: events drawn at random on 40 items, one every ``pause`` seconds."""
    folder = root / "own-shop"
    folder.mkdir()
    rng = np.random.default_rng(0)
    columns = {"USER_ID": rng.integers(users, size=events), "ITEM_ID": rng.integers(40, size=events)}
    frame = pd.DataFrame(columns | {"TIMESTAMP": np.arange(events) * pause + 1_600_000_000})
    frame.to_csv(folder / "interactions.csv", index=False)
    return folder
