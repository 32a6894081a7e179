"""HRNN trained by several processes at once, started by Spark's TorchDistributor; each sees the events of its own users only.

All processes start from the same weights. For every update each computes the gradient of its part of the batch, the gradients are
averaged (gloo, over the network of the cluster), and all take the same step: so there is one network throughout, and as many
updates of the same size as one process would make. An epoch ends when the first process has no batch left.

What all must agree on is found out before the events are shared out: item codes, popularity over time, whether the order within
a second carries meaning. Sums of floats in another order: numbers agree with one process in quality, not in digits.
"""

import contextlib
import dataclasses
import io
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from helpers import recipes
from helpers.datasets.dataset import Dataset
from helpers.interactions import Histories, Interactions, Vocabulary
from helpers.recipes.descriptions import Descriptions
from helpers.recipes.hrnn import Hrnn, build_network, fit_network, takes_order
from helpers.recipes.hrnn_model import HrnnModel
from helpers.recipes.percentiles import typical_users
from helpers.recipes.popularity_over_time import PopularityOverTime
from helpers.recipes.training import Alone

_POPULARITY = ("before", "start", "width")


def fit(dataset: Dataset, recipe: Hrnn, seed: int = 0, processes: int = 2, folder: str | None = None) -> HrnnModel:
    """Train ``aws-hrnn`` (ids and times alone) with several processes; the model is the ordinary one.

    Args:
        processes: how many learn together; each gets the users whose code, divided by this number, leaves its rank.
        folder: where the parts are written for the processes to read; None = a temporary folder, and all processes run on
            this machine. On a cluster name one that every machine can reach: the processes then run as Spark's tasks.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    popularity, described = PopularityOverTime.of(dataset.interactions), Descriptions.none(dataset.interactions.n_items)
    with contextlib.nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        _share_out(dataset.interactions, popularity, recipe, seed, processes, Path(place))
        distributor = TorchDistributor(num_processes=processes, local_mode=folder is None, use_gpu=False)
        distributor.logger.setLevel(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()):  # the progress of all processes; a fault comes back as an exception
            distributor.run(train_part, str(place), seed)
        network = build_network(recipe, dataset.interactions.n_items, described, False)
        with np.load(Path(place) / "network.npz") as weights:
            network.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights.files})
    return recipe.model_of(network, dataset, described, popularity)


def _share_out(
    interactions: Interactions, popularity: PopularityOverTime, recipe: Hrnn, seed: int, processes: int, folder: Path
) -> None:
    """Write what each process reads: its users' events, and what is the same for all."""
    low, high = recipe.min_user_history_length_percentile, recipe.max_user_history_length_percentile
    learned = interactions.keep(typical_users(interactions, low, high))
    order = "given" if takes_order(recipe, learned.histories, seed) else "none"
    common = dataclasses.replace(recipe, order_within_second=order)
    about = {"recipe": common.name, "hyperparameters": common.hyperparameters, "item_ids": interactions.item_ids.ids.tolist()}
    (folder / "common.json").write_text(json.dumps(about), encoding="utf-8")
    np.savez(folder / "popularity.npz", **{name: getattr(popularity, name) for name in _POPULARITY})
    for rank in range(processes):
        part = learned.histories.take(np.arange(rank, len(learned.histories), processes))
        np.savez(folder / f"part-{rank}.npz", items=part.items, timestamps=part.timestamps, offsets=part.offsets)


def train_part(folder: str, seed: int) -> None:
    """Train on the part of this process; the first one writes the network. Run by torch's launcher, which names the rank."""
    place = Path(folder)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    about = json.loads((place / "common.json").read_text(encoding="utf-8"))
    item_ids = Vocabulary(about["item_ids"])
    with np.load(place / f"part-{rank}.npz") as part, np.load(place / "popularity.npz") as counts:
        users = np.arange(len(part["offsets"]) - 1, dtype=np.int32)
        histories = Histories(part["items"], part["timestamps"], part["offsets"], users)
        popularity = PopularityOverTime(*(counts[name] for name in _POPULARITY))
    interactions = Interactions(histories, Vocabulary(f"{user:09}" for user in users), item_ids)
    described, context = Descriptions.none(len(item_ids)), np.zeros(0, bool)
    recipe = recipes.create(about["recipe"], about["hyperparameters"])
    network = fit_network(recipe, interactions, described, context, popularity, seed, Together())
    if rank == 0:
        np.savez(place / "network.npz", **{name: tensor.detach().numpy() for name, tensor in network.state_dict().items()})
    dist.destroy_process_group()


class Together(Alone):
    """Several processes in step; see :class:`helpers.recipes.training.Alone`."""

    def __init__(self):
        self.processes = dist.get_world_size()

    def batches(self, batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        while True:
            batch = next(batches, None)
            all_have = torch.tensor([int(batch is not None)])
            dist.all_reduce(all_have, dist.ReduceOp.MIN)
            if not all_have.item():
                return
            yield batch

    def average(self, network: nn.Module) -> None:
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.processes
        for parameter, mean in zip(network.parameters(), flat.split([g.numel() for g in gradients]), strict=True):
            parameter.grad = mean.reshape(parameter.shape).clone()
