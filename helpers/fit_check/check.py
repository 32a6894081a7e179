"""All findings about a data set, and what they add up to."""

from collections.abc import Sequence

import numpy as np

from helpers.datasets.dataset import Dataset
from helpers.datasets.describe import doubled, gini, same_second
from helpers.fit_check import figures, rules
from helpers.fit_check.finding import Finding


def findings(dataset: Dataset, seed: int = 0) -> list[Finding]:
    """Look at a data set before any training; seconds, also for a million events.

    Args:
        seed: draws the test users of the service's split and the random halves that drift is compared with.

    Returns:
        A finding for each rule, in the order of :mod:`helpers.fit_check.rules`; without any event only the first two.
    """
    interactions = dataset.interactions
    users = int((interactions.histories.lengths >= 2).sum())
    found = [rules.enough_interactions(len(interactions)), rules.enough_users(users)]
    if len(interactions) == 0:
        return found
    counts = np.bincount(interactions.items, minlength=interactions.n_items)
    seen = figures.visits(interactions)
    times = interactions.timestamps
    nameless = figures.rows_without_user(dataset)
    active = int((interactions.histories.lengths > 0).sum())
    return found + [
        rules.catalogue_size(int((counts > 0).sum())),
        rules.users_to_test(figures.next_visit_users(interactions)),
        rules.seen_once(figures.one_visit_share(seen)),
        rules.known_visits(figures.known_visit_share(seen)),
        *([rules.nameless_rows(*nameless)] if nameless else []),
        rules.one_id_for_many(figures.busiest_user_share(interactions), active),
        rules.cold_items(figures.cold_share(interactions)),
        rules.turnover(figures.new_item_share(interactions)),
        rules.buy_again(figures.buy_again_share(interactions, seen)),
        rules.concentration(gini(counts[counts > 0])),
        rules.one_list_for_all(figures.one_list_share(interactions)),
        rules.drift(figures.best_seller_overlap(interactions, seen, seed)),
        rules.doubled_events(float(doubled(interactions).mean())),
        rules.answers_shown(figures.twin_share(interactions, seed)),
        rules.order_in_a_second(float(same_second(interactions).mean())),
        rules.clock(len(np.unique(times)), bool((times % figures.DAY == 0).all()), float(np.ptp(times)) / figures.DAY),
    ]


def by_name(found: Sequence[Finding]) -> dict[str, Finding]:
    """Return the findings by their name."""
    return {finding.name: finding for finding in found}
