"""GRU4Rec as a peer: cornac's port of the authors' PyTorch code, with the settings the authors use for cross-entropy.

One sequence a user, newest 100 events when answering. Optional: ``pip install cornac``.
"""

import importlib.util
import time

import numpy as np
import torch

from helpers.interactions import Histories, Interactions
from helpers.metrics import LIST_LENGTH
from helpers.recipes.top_k import top_k

SETTINGS = {
    "layers": [100],
    "loss": "cross-entropy",
    "batch_size": 64,
    "n_sample": 512,
    "sample_alpha": 0.5,
    "logq": 1.0,
    "learning_rate": 0.07,
    "dropout_p_embed": 0.0,
    "dropout_p_hidden": 0.0,
    "n_epochs": 5,
    "seed": 0,
}
NEWEST = 100


def installed() -> bool:
    """Return whether cornac is there."""
    return importlib.util.find_spec("cornac") is not None


def fit(train: Interactions, **changes):
    """Train; returns cornac's model and the events a second."""
    from cornac.data import SequentialDataset
    from cornac.models import GRU4Rec

    users = np.repeat(np.arange(train.n_users), train.histories.lengths)
    rows = list(zip(users.tolist(), users.tolist(), train.items.tolist(), train.timestamps.tolist(), strict=True))
    data = SequentialDataset.build(rows, fmt="USIT")
    model = GRU4Rec(**SETTINGS | changes)
    start = time.perf_counter()
    model.fit(data)
    return model, len(rows) * model.n_epochs / (time.perf_counter() - start)


def rank(train: Interactions, inputs: Histories, allowed: np.ndarray | None) -> np.ndarray:
    """Train and rank the catalogue for each history, item codes ``(n, 25)``."""
    model, _ = fit(train)
    scores = np.full((len(inputs), train.n_items), -np.inf, np.float32)
    codes = np.fromiter(model.iid_map.keys(), np.int64)  # our code of each of cornac's items
    place = np.full(train.n_items, -1)
    place[codes] = np.arange(len(codes))
    for start in range(0, len(inputs), 256):
        block = inputs.take(slice(start, start + 256))
        scores[start : start + len(block), codes] = _scores(model, block, place)[:, : len(codes)]
    return top_k(scores, LIST_LENGTH, allowed)[0]


@torch.inference_mode()
def _scores(model, histories: Histories, place: np.ndarray) -> np.ndarray:
    net = model.model.eval()
    known = histories.keep(place[histories.items] >= 0)
    known = known.keep(known.steps_back < NEWEST)
    lengths = known.lengths
    state = torch.zeros(len(known), SETTINGS["layers"][0])
    items = torch.from_numpy(place[known.items])
    for step in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > step)
        embedded = net.Wy(items[known.offsets[:-1][rows] + step])
        state[rows] = net.G[0](embedded, state[rows])
    return (state @ net.Wy.weight.T + net.By.weight.T).numpy()
