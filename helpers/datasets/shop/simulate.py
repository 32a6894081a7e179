"""Shows lists to the shop's users and lets them react as they truly would: a rehearsal of what only a live shop can tell.

The world is the one behind the data (:mod:`oracle`); nothing new is invented but how people look at a list. Week after week:

1. *Who comes.* Each user visits with the activity of the data (baskets and looks round spread over the user's time with the shop,
   the busy autumn included), here at most once a week: with probability ``1 - exp(-visits expected in this week)``.
2. *What is shown.* The policy is asked for a list, knowing the user's history up to then.
3. *What is seen.* Position ``j`` is looked at with probability ``(1 / j) ** eta``, independently of what stands there (the
   position-based model: Richardson et al. 2007; the power law: Joachims et al. 2017).
4. *What is taken.* The user comes for one thing, drawn from the oracle's true probabilities of the next stop, and takes it if it
   is in the list and was looked at; else nothing. So ``P(item at position j is taken) = (1 / j) ** eta * p(item)``.
5. *What remains.* What was taken is bought as often as on the user's device, and is part of the history from then on.

What it simplifies: one list and one take a visit; a list helps to find, it does not persuade; who finds nothing leaves no event;
users do not leave because of bad lists; nothing happens but through the lists.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.datasets.dataset import Dataset
from helpers.datasets.shop.model import DAY, DAYS, END, START, day_of_year
from helpers.datasets.shop.oracle import Oracle
from helpers.datasets.shop.play import BUY, NOISE
from helpers.datasets.shop.visits import LOOK_ALONE, LOOK_BEFORE, day_weights
from helpers.datasets.shop.words import DEVICES
from helpers.errors import InputError
from helpers.interactions import EVENT_TYPE, EVENT_VALUE, UNKNOWN, Histories, Interactions, Vocabulary

WEEK = 7 * DAY
_STREAM = 6
"""Keeps these random numbers apart from those that made the data (streams 1 to 4 of the same seed)."""

Policy = Callable[[Histories], np.ndarray]
"""From ``n`` histories (``users``: codes, ``now``: the moment of the visit) to item codes ``(n, k)``, best first, -1 pads."""


@dataclass(frozen=True)
class Behaviour:
    """How people come and look.

    Attributes:
        eta: how steeply attention falls with the position, 0 (everything is looked at) or more.
        visit_rate: factor on how often people come, above 0.
        novelty: share of what would be overlooked that is looked at all the same while a list is new, 0 to 1.
        novelty_weeks: after so many weeks ``1 / e`` of that is left, above 0.
    """

    eta: float = 1.0
    visit_rate: float = 1.0
    novelty: float = 0.0
    novelty_weeks: float = 1.0

    def __post_init__(self):
        if self.eta < 0 or self.visit_rate <= 0 or not 0 <= self.novelty <= 1 or self.novelty_weeks <= 0:
            raise InputError(f"{self}: eta is 0 or more, novelty 0 to 1, visit_rate and novelty_weeks above 0")

    def examination(self, k: int, weeks_old: float = np.inf) -> np.ndarray:
        """Return the probability that each of ``k`` positions is looked at, ``(k,)``, when the list is so many weeks old."""
        usual = np.arange(1, k + 1) ** -self.eta
        return usual + (1 - usual) * self.novelty * np.exp(-weeks_old / self.novelty_weeks)


@dataclass(frozen=True, eq=False)
class Log:
    """What was shown and what came of it, ``n`` lists of length ``k`` in the order of week, then user.

    Attributes:
        users: codes, ``(n,)``. weeks: from 0 for the first simulated week, ``(n,)``. times: Unix seconds, ``(n,)``.
        items: the lists as shown, codes ``(n, k)``, -1 pads. taken: position from 0 of the item taken, -1 = nothing, ``(n,)``.
        bought: whether it was bought (else looked at), bool ``(n,)``. values: EVENT_VALUE of purchases, NaN else, ``(n,)``.
        devices: codes, ``(n,)``.
        chance: true probability that something of this list would be taken, ``(n,)``. best: the same for the best list of
            this length, ``(n,)``: only the oracle knows these two; ``best - chance`` is the regret.
        item_ids, user_ids: vocabularies.
    """

    users: np.ndarray
    weeks: np.ndarray
    times: np.ndarray
    items: np.ndarray
    taken: np.ndarray
    bought: np.ndarray
    values: np.ndarray
    devices: np.ndarray
    chance: np.ndarray
    best: np.ndarray
    item_ids: Vocabulary
    user_ids: Vocabulary

    def __len__(self) -> int:
        return len(self.users)

    @property
    def took(self) -> np.ndarray:
        """Whether anything of the list was taken, bool ``(n,)``."""
        return self.taken >= 0

    def frame(self) -> pd.DataFrame:
        """Return a row a place shown: USER_ID, WEEK, TIMESTAMP, POSITION (from 1), ITEM_ID, CLICKED, BOUGHT."""
        row, place = np.nonzero(self.items != UNKNOWN)
        clicked = self.taken[row] == place
        fields = {"USER_ID": self.user_ids.ids[self.users[row]], "WEEK": self.weeks[row], "TIMESTAMP": self.times[row]}
        fields |= {"POSITION": place + 1, "ITEM_ID": self.item_ids.ids[self.items[row, place]]}
        return pd.DataFrame(fields | {"CLICKED": clicked, "BOUGHT": clicked & self.bought[row]})

    def events(self) -> pd.DataFrame:
        """Return what was taken as interactions: the columns of the shop's own log, ready for an import or ``PutEvents``."""
        rows = np.flatnonzero(self.took)
        items = self.items[rows, self.taken[rows]]
        kinds = np.where(self.bought[rows], "purchase", "view").astype(object)
        fields = {"USER_ID": self.user_ids.ids[self.users[rows]], "ITEM_ID": self.item_ids.ids[items]}
        fields |= {"TIMESTAMP": self.times[rows], EVENT_TYPE: kinds, EVENT_VALUE: self.values[rows]}
        return pd.DataFrame(fields | {"DEVICE": np.array(DEVICES, object)[self.devices[rows]]})

    def impressions(self) -> np.ndarray:
        """Return how often each item was shown, ``(n_items,)``."""
        return np.bincount(self.items[self.items != UNKNOWN], minlength=len(self.item_ids))

    def added_to(self, interactions: Interactions) -> Interactions:
        """Return the interactions with :meth:`events` added: what a model can be trained on next week."""
        frames = [interactions.frame(), self.events()]
        return Interactions.from_frame(
            pd.concat([f for f in frames if len(f)], ignore_index=True), interactions.user_ids, interactions.item_ids
        )


def simulate(
    policy: Policy,
    users: Sequence[str] | np.ndarray | None,
    weeks: int,
    seed: int,
    *,
    shop: Dataset,
    start: int | None = None,
    behaviour: Behaviour | None = None,
    list_age: float = 0.0,
) -> Log:
    """Let users visit the shop for some weeks and react to the lists of a policy.

    The same seed gives the same log. A user's luck hangs on the seed, the user and the week only: the log of a user is the same
    alone and among others, under any order, and if a policy shows the same list it comes to the same end. Weeks can be played one
    call after the other, with ``shop.with_interactions(log.added_to(...))`` in between.

    Args:
        policy: asked once a week with the histories of all who come.
        users: ids (str) or codes (int) of those who may come; None = all.
        weeks: how many, 1 or more.
        seed: whole number, 0 or more.
        shop: the gift shop; of its interactions those before ``start`` are the users' histories.
        start: Unix seconds; None = so that the last week ends with the shop's year.
        behaviour: how people look; None = the defaults.
        list_age: how many weeks old the list is at the start, for ``behaviour.novelty``.

    Raises:
        InputError: a data set without an oracle, unknown users or one given twice, weeks outside the shop's year, or lists of a
            wrong form.
    """
    oracle, behaviour = shop.oracle, behaviour or Behaviour()
    if oracle is None:
        raise InputError(f"{shop.name}: only a generated shop knows how its users would react; use gift-shop")
    start = END - weeks * WEEK if start is None else start
    if weeks < 1 or not START <= start <= END - weeks * WEEK:
        raise InputError(f"{weeks} weeks from {start}: play 1 or more weeks between {START} and {END} (Unix seconds)")
    chosen = _chosen(users, oracle)
    known, parts = shop.interactions.before(start), []
    for week in range(weeks):
        played = _play(policy, chosen, start + week * WEEK, seed, known, oracle, behaviour, list_age + week)
        parts.append(played | {"weeks": np.full(len(played["users"]), week)})
        if week + 1 < weeks:
            known = _log(parts[-1:], oracle).added_to(known)
    return _log(parts, oracle)


def visit_rates(oracle: Oracle, start: int) -> np.ndarray:
    """Return how many visits of each user are to be expected in the week from ``start`` (Unix seconds), ``(n_users,)``.

    Looks round just before a basket count half, since most fall into its week: so many users come in a week as in the data.
    """
    users = oracle.world.users
    first, last = day_of_year(users.joined), day_of_year(users.left) + 1
    total = np.concatenate([[0.0], np.cumsum(day_weights())])
    busy = np.interp(np.clip((start - START) / DAY + np.array([[0.0], [7.0]]), first, last), np.arange(DAYS + 1), total)
    return users.baskets * (1 + LOOK_BEFORE / 2 + LOOK_ALONE) * (busy[1] - busy[0]) / (total[last] - total[first])


def _play(policy, chosen, begin, seed, known, oracle, behaviour, age) -> dict[str, np.ndarray]:
    """Play one week and return the fields of its log, a row a visit."""
    people = oracle.world.users
    luck = np.random.default_rng([seed, _STREAM, begin // DAY]).random((len(people.ids), 6))
    comes = luck[:, 0] < 1 - np.exp(-behaviour.visit_rate * visit_rates(oracle, begin))
    users = chosen[comes[chosen]]
    luck = luck[users].T
    earliest = np.maximum(begin, START + DAY * day_of_year(people.joined[users]))
    latest = np.minimum(begin + WEEK, START + DAY * (day_of_year(people.left[users]) + 1))
    times = earliest + (luck[1] * (latest - earliest)).astype(np.int64)
    histories = known.of_users(users).at(times)
    lists = _checked(policy(histories), len(users), oracle.n_items)
    likely = np.append(oracle.scores(histories), np.zeros((len(users), 1)), axis=1)  # the column of the padding -1
    seen = behaviour.examination(lists.shape[1], age)
    taking = np.take_along_axis(likely, lists, axis=1) * seen
    place = (luck[2][:, None] >= np.cumsum(taking, axis=1)).sum(axis=1)
    taken = np.where(place < lists.shape[1], place, -1)
    devices = (luck[3][:, None] >= np.cumsum(people.device[users], axis=1)[:, :-1]).sum(axis=1)
    bought = (taken >= 0) & (luck[4] < np.array(BUY)[devices])
    liking = oracle.world.satisfaction(users, lists[np.arange(len(users)), taken]) + NOISE * ndtri(luck[5])
    best = -np.sort(-likely, axis=1)[:, : lists.shape[1]]
    return dict(
        users=users,
        times=times,
        items=lists,
        taken=taken,
        bought=bought,
        values=np.where(bought, np.clip(np.round(liking), 1, 5), np.nan),
        devices=devices,
        chance=taking.sum(axis=1),
        best=best @ seen,
    )


def _log(parts: list[dict[str, np.ndarray]], oracle: Oracle) -> Log:
    widths = {part["items"].shape[1] for part in parts}
    if len(widths) > 1:
        raise InputError(f"the policy returned lists of different lengths, {sorted(widths)}; pad them with -1")
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Log(**joined, item_ids=oracle.item_ids, user_ids=oracle.user_ids)


def _chosen(users, oracle: Oracle) -> np.ndarray:
    """Return the codes of the users, in ascending order."""
    if users is None:
        return np.arange(len(oracle.user_ids))
    users = np.atleast_1d(np.asarray(users))
    codes = users.astype(np.int64) if users.dtype.kind in "iu" else oracle.user_ids.codes(users).astype(np.int64)
    if len(codes) and not 0 <= codes.min() <= codes.max() < len(oracle.user_ids):
        raise InputError("some users are no customers of this shop; take ids from shop.interactions.user_ids")
    if len(np.unique(codes)) < len(codes):
        raise InputError("a user is given twice; a user can see one list at a time")
    return np.sort(codes)


def _checked(lists, n: int, n_items: int) -> np.ndarray:
    """Return a policy's answer as int64 ``(n, k)``."""
    lists = np.asarray(lists)
    if lists.ndim != 2 or len(lists) != n or not np.issubdtype(lists.dtype, np.integer):
        raise InputError(f"the policy must return whole numbers of shape ({n}, k), not {lists.dtype} of shape {lists.shape}")
    if lists.size and not UNKNOWN <= lists.min() <= lists.max() < n_items:
        raise InputError(f"the policy shows an item code outside -1 .. {n_items - 1}")
    ordered = np.sort(lists, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != UNKNOWN)).any():
        raise InputError("the policy shows an item twice in one list")
    return lists.astype(np.int64)
