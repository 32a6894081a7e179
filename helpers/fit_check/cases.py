"""Businesses where a recommender does not pay, made out of one where it does: each takes one thing away and leaves the rest.

Every function returns a new data set; for lessons and for tests of the fit check.
"""

import numpy as np
import pandas as pd

from helpers.datasets.dataset import Dataset
from helpers.interactions import Interactions
from helpers.learning_curves import without_names

WEEK = 7 * 86_400


def too_little(dataset: Dataset, users: int = 20, seed: int = 0) -> Dataset:
    """Keep the events of a few users drawn at random: a shop in its first days."""
    interactions = dataset.interactions
    kept = np.random.default_rng(seed).permutation(np.flatnonzero(interactions.histories.lengths))[:users]
    return dataset.with_interactions(interactions.keep(np.isin(interactions.users, kept)))


def nameless(dataset: Dataset) -> Dataset:
    """Give every visit an id of its own: a shop that nobody signs in to."""
    everybody = np.ones(dataset.interactions.n_users, bool)
    return dataset.with_interactions(without_names(dataset.interactions, everybody))


def only_again(dataset: Dataset, items: int = 3) -> Dataset:
    """Keep of each user only the events on the first few different items they took: a business of pure repurchase."""
    interactions = dataset.interactions
    events = pd.DataFrame({"user": interactions.users, "item": interactions.items})
    first = events.drop_duplicates()
    place = first.groupby("user").cumcount().to_numpy()
    kept = set(map(tuple, first[place < items].to_numpy().tolist()))
    mask = np.array([pair in kept for pair in zip(interactions.users.tolist(), interactions.items.tolist(), strict=True)], bool)
    return dataset.with_interactions(interactions.keep(mask))


def all_alike(dataset: Dataset, seed: int = 0) -> Dataset:
    """Deal the items of each week out at random among the events of that week: what is popular stays, nobody has a taste."""
    interactions = dataset.interactions
    frame = interactions.frame()
    week = (interactions.timestamps // WEEK).astype(np.int64)
    dealt = np.lexsort((np.random.default_rng(seed).random(len(week)), week))
    frame.loc[np.argsort(week, kind="stable"), "ITEM_ID"] = frame["ITEM_ID"].to_numpy()[dealt]
    return dataset.with_interactions(Interactions.from_frame(frame, interactions.user_ids, interactions.item_ids))
