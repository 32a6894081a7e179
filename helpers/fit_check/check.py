"""All findings about a data set, from its figures through the rules.

Where the thresholds of the rules come from: where Amazon's documentation or its sample code has a number, that number is used
(developer guide, "Quotas" and the data insights of the console; the *diagnose* sample; the cheat sheet for teams). The rest is
*our choice*, and says so: made so that the gift shop and Online Retail, where recommendations are known to work, pass. A figure
that lies exactly on a threshold gets the better verdict.
"""

from collections.abc import Sequence

import numpy as np

from helpers.datasets.dataset import Dataset
from helpers.datasets.describe import doubled, gini, same_second
from helpers.fit_check import audience, figures, habits, trust
from helpers.fit_check.finding import Finding


def findings(dataset: Dataset, seed: int = 0) -> list[Finding]:
    """Look at a data set before any training; seconds, also for a million events.

    Args:
        seed: draws the test users of the service's split and the random halves that drift is compared with.

    Returns:
        A finding for each rule, from what stops everything to what only misleads; without any event only the first two.
    """
    interactions = dataset.interactions
    users = int((interactions.histories.lengths >= 2).sum())
    found = [audience.enough_interactions(len(interactions)), audience.enough_users(users)]
    if len(interactions) == 0:
        return found
    counts = np.bincount(interactions.items, minlength=interactions.n_items)
    seen = figures.visits(interactions)
    times = interactions.timestamps
    nameless = figures.rows_without_user(dataset)
    active = int((interactions.histories.lengths > 0).sum())
    return found + [
        audience.catalogue_size(int((counts > 0).sum())),
        audience.users_to_test(figures.next_visit_users(interactions)),
        audience.seen_once(figures.one_visit_share(seen)),
        audience.known_visits(figures.known_visit_share(seen)),
        audience.several_items(figures.many_item_visit_share(interactions, seen)),
        *([audience.nameless_rows(*nameless)] if nameless else []),
        audience.one_id_for_many(figures.busiest_user_share(interactions), active),
        habits.cold_items(figures.cold_share(interactions)),
        habits.turnover(figures.new_item_share(interactions)),
        habits.buy_again(figures.buy_again_share(interactions, seen)),
        habits.concentration(gini(counts[counts > 0])),
        habits.one_list_for_all(figures.one_list_share(interactions)),
        habits.drift(figures.best_seller_overlap(interactions, seen, seed)),
        trust.doubled_events(float(doubled(interactions).mean())),
        trust.answers_shown(figures.twin_share(interactions, seed)),
        trust.order_in_a_second(float(same_second(interactions).mean())),
        trust.clock(len(np.unique(times)), bool((times % figures.DAY == 0).all()), float(np.ptp(times)) / figures.DAY),
    ]


def by_name(found: Sequence[Finding]) -> dict[str, Finding]:
    """Return the findings by their name."""
    return {finding.name: finding for finding in found}
