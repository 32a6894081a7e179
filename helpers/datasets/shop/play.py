"""Plays a year in the shop: every user walks through the planned visits, stop after stop.

A visit is a path of stops; each stop leaves one event, a view or a purchase. Path lengths are geometric: after every stop
the visit goes on with probability ``1 - 1 / path_u`` (at most 40 stops). There are three ways through the shop:

* an *order*: every stop is a purchase, and all lines carry one second (the second of the checkout);
* a *visit*: every stop is a view or a purchase (more views on a mobile phone), each at its own second;
* a *look round*: views only, each at its own second; often some days before a basket.

The path does not depend on the way: what comes next is one formula (:mod:`helpers.datasets.shop.choice`), what is done
there another. The value of a purchase is the buyer's satisfaction plus noise of half a point, rounded, 1 to 5.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from helpers.datasets.shop.choice import FIRST, INTEREST_DAYS, LATER, Choice, interest, rebuy_share
from helpers.datasets.shop.model import DAY, SEED, day_of_year
from helpers.datasets.shop.visits import LOOK, ORDER, Visit, day_weights, plan
from helpers.datasets.shop.world import World

BUY = (0.75, 0.40, 0.60)
"""Probability that a stop of a visit is a purchase, on desktop, mobile, tablet."""
STEP = (20, 240)
"""Seconds from one stop to the next: at least, below."""
MAX_STOPS = 40
NOISE = 0.5


class Event(NamedTuple):
    """One line of the shop's log, in codes. ``value`` is None for a view."""

    user: int
    item: int
    at: int
    buys: bool
    value: int | None
    device: int


@dataclass
class Memory:
    """What one user remembers: item -> (when last bought, how often), item -> when last looked at and not bought since."""

    bought: dict[int, tuple[int, int]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    newest: int = -1

    def note(self, item: int, at: int, buys: bool) -> None:
        self.newest = item
        if buys:
            self.bought[item] = (at, self.bought.get(item, (0, 0))[1] + 1)
            self.seen.pop(item, None)
        else:
            self.seen[item] = at


class Play:
    """One seeded stream of random numbers; user after user, visit after visit."""

    def __init__(self, world: World, seed: int = SEED):
        self.world, self.choice = world, Choice(world)
        self.rng = np.random.default_rng([seed, 3])
        self.busy = day_weights()

    def run(self) -> list[Event]:
        """Return all events in time order; lines of one order keep the order of the path."""
        events = []
        for user in range(len(self.world.users.ids)):
            memory = Memory()
            for visit in plan(self.rng, self.world.users, user, self.busy):
                events += self.walk(user, visit, memory)
        return sorted(events, key=lambda event: event.at)

    def walk(self, user: int, visit: Visit, memory: Memory) -> list[Event]:
        """Draw the stops of a visit and what is done at each."""
        at, events, inside = visit.start, [], []
        offer = self.choice.offer[day_of_year(visit.start)]
        for _ in range(min(self.rng.geometric(1 / self.world.users.path[user]), MAX_STOPS)):
            item = self.next_stop(user, at, offer, visit.device, memory, inside)
            buys = visit.way == ORDER or (visit.way != LOOK and self.rng.random() < BUY[visit.device])
            events.append(Event(user, item, at, buys, self.value(user, item) if buys else None, visit.device))
            memory.note(item, at, buys)
            inside.append(item)
            at += 0 if visit.way == ORDER else int(self.rng.integers(*STEP))
        return events

    def next_stop(self, user: int, at: int, offer: np.ndarray, device: int, memory: Memory, inside: list[int]) -> int:
        """Draw one stop, first the motive, then the item; ``offer`` is the day's, ``inside`` the stops of this visit so far."""
        share, draw = (LATER if inside else FIRST), self.rng.random()
        items, weight = self._sequels(memory.newest, offer, inside)
        draw -= share.sequel * (len(items) > 0)
        if draw < 0:
            return self._pick(items, weight)
        items, weight = self._needs(memory, at, inside)
        draw -= rebuy_share(share.rebuy, weight.sum())
        if draw < 0:
            return self._pick(items, weight)
        items, weight = self._comebacks(memory, at, inside)
        draw -= share.comeback * (len(items) > 0)
        if draw < 0:
            return self._pick(items, weight)
        pull = self.world.attraction[user] * offer * self.choice.device[device]
        if inside:
            pull *= self.choice.focus[inside[-1]]
            pull[inside] = 0
        return self._pick(None, pull)

    def value(self, user: int, item: int) -> int:
        """Draw the event value of a purchase."""
        return min(max(round(self.world.satisfaction(user, item) + NOISE * self.rng.normal()), 1), 5)

    def _sequels(self, newest: int, offer: np.ndarray, inside: list[int]) -> tuple[np.ndarray, np.ndarray]:
        if newest < 0:
            return _NOBODY
        items = self.world.items.sequel[newest]
        open_ = [i >= 0 and offer[i] > 0 and i not in inside for i in items.tolist()]
        return items[open_], self.world.items.sequel_weight[newest][open_]

    def _needs(self, memory: Memory, at: int, inside: list[int]) -> tuple[np.ndarray, np.ndarray]:
        known = [(i, t, k) for i, (t, k) in memory.bought.items() if i not in inside]
        if not known:
            return _NOBODY
        items, when, times = np.array(known).T
        return items, self.choice.need(items, (at - when) / DAY, times)

    def _comebacks(self, memory: Memory, at: int, inside: list[int]) -> tuple[np.ndarray, np.ndarray]:
        known = [(i, t) for i, t in memory.seen.items() if at - t <= INTEREST_DAYS * DAY and i not in inside]
        if not known:
            return _NOBODY
        items, when = np.array(known).T
        return items, interest((at - when) / DAY)

    def _pick(self, items: np.ndarray | None, weight: np.ndarray) -> int:
        """Draw one of ``items`` (None: any item) with probability proportional to its weight."""
        total = np.cumsum(weight)
        place = int(np.searchsorted(total, self.rng.random() * total[-1], side="right"))
        return place if items is None else int(items[place])


_NOBODY = (np.empty(0, np.int64), np.empty(0))
