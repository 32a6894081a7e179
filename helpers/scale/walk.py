"""The walk of many users through the gift shop, compiled: what :mod:`helpers.datasets.shop.play` does one call at a time.

The formulas are those of :mod:`helpers.datasets.shop.choice`, with its constants; the stream of random numbers is another one, so
the shops are alike and not equal. A test asks the oracle whether the stops drawn here are as likely as those drawn there.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from helpers.datasets.shop.choice import FIRST, INTEREST_DAYS, INTEREST_FADE, LATER, Choice
from helpers.datasets.shop.model import DAY, START, Users, day_of_year
from helpers.datasets.shop.play import BUY, MAX_STOPS, NOISE, STEP
from helpers.datasets.shop.visits import APART, LOOK, LOOK_ALONE, LOOK_BEFORE, ORDER, ORDER_SHARE, VISIT
from helpers.datasets.shop.world import World

_FIRST, _LATER = ((share.sequel, share.rebuy, share.comeback) for share in (FIRST, LATER))
_NEVER = -(10**15)


class Visits(NamedTuple):
    """Planned visits of a block of users, sorted by user and time, ``(v,)`` each; one too soon after another will not happen."""

    user: np.ndarray
    start: np.ndarray
    way: np.ndarray
    device: np.ndarray


class Events(NamedTuple):
    """What happened, sorted by user and time, ``(m,)`` each; ``value`` is 0 for a view."""

    user: np.ndarray
    item: np.ndarray
    at: np.ndarray
    buys: np.ndarray
    value: np.ndarray
    device: np.ndarray


def plan(rng: np.random.Generator, users: Users, busy: np.ndarray) -> Visits:
    """Draw the visits of all users at once, as :func:`helpers.datasets.shop.visits.plan` draws those of one."""
    owner, baskets = _draw_days(rng, busy, users, users.baskets)
    before = rng.random(len(baskets)) < LOOK_BEFORE
    earlier = np.maximum(baskets[before] - rng.integers(0, 4, before.sum()), 0)
    alone_owner, alone = _draw_days(rng, busy, users, rng.poisson(LOOK_ALONE * users.baskets))
    user = np.concatenate([owner, owner[before], alone_owner])
    days = np.concatenate([baskets, earlier, alone])
    habit = np.cumsum(users.device, axis=1)[user, :-1]
    device = (habit <= rng.random(len(days))[:, None]).sum(axis=1)
    way = np.where(rng.random(len(days)) < np.array(ORDER_SHARE)[device], ORDER, VISIT)
    way[len(baskets) :] = LOOK
    desk = device == 0
    hour = rng.normal(np.where(desk, 12.8, 16.5), np.where(desk, 2.2, 3.2)) - 1.5 * (way == LOOK)
    start = START + DAY * days + (3600 * np.clip(hour, 0.2, 19.8)).astype(np.int64)
    order = np.lexsort((way, start, user))
    return Visits(user[order], start[order], way[order], device[order])


def _draw_days(rng: np.random.Generator, busy: np.ndarray, users: Users, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``n`` days for each user, one from each of ``n`` equally busy stretches of the stay; with their users."""
    total = np.concatenate([[0.0], np.cumsum(busy)])
    first, last = day_of_year(users.joined), day_of_year(users.left)
    owner = np.repeat(np.arange(len(n)), n)
    place = (np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n) + rng.random(len(owner))) / n[owner]
    target = total[first[owner]] + place * (total[last[owner] + 1] - total[first[owner]])
    return owner, np.clip(np.searchsorted(total, target, side="right") - 1, first[owner], last[owner])


def walk(rng: np.random.Generator, world: World, choice: Choice, visits: Visits) -> Events:
    """Draw the stops of all visits and what is done at each.

    Args:
        choice: over the same items as ``world``; its users do not matter.
    """
    items, users = world.items, world.users
    shop = (choice.offer, choice.device, choice.focus, items.sequel, items.sequel_weight, choice.period, choice.wear)
    pleased = 3.0 + 0.45 * users.bias[:, None] + 0.35 * items.bias + 0.65 * world.fit
    days = day_of_year(visits.start)
    return Events(*_walk(rng, *visits, days, users.path, world.attraction, pleased, shop))


@njit(cache=True, nogil=True)
def _walk(rng, user, start, way, device, days, path, attraction, pleased, shop):
    n_items = attraction.shape[1]
    out = np.empty((6, len(user) * 8 + 1000), np.int64)
    memory = np.zeros((3, n_items), np.int64)  # when last bought, how often, when last looked at and not bought since
    inside, known = np.full(n_items, -1, np.int64), np.empty(n_items, np.int64)  # newest visit that met it; items met by the user
    weight, candidate = np.empty(n_items), np.empty(n_items, np.int64)
    m, n_known, newest, earlier, last_start = 0, 0, -1, -1, _NEVER
    for visit in range(len(user)):
        u, d = user[visit], device[visit]
        if u != earlier:
            for k in range(n_known):
                memory[:, known[k]] = 0
            n_known, newest, earlier, last_start = 0, -1, u, _NEVER
        if start[visit] < last_start + APART:
            continue
        last_start = at = start[visit]
        here = -1  # the newest stop of this visit
        for _ in range(min(_geometric(rng, 1 / path[u]), MAX_STOPS)):
            met = known[:n_known]
            now = (visit, at, days[visit], d, here, newest)
            item = _next_stop(rng, now, met, memory, inside, attraction[u], shop, candidate, weight)
            buys = way[visit] == ORDER or (way[visit] != LOOK and rng.random() < BUY[d])
            value = min(max(np.round(pleased[u, item] + NOISE * rng.normal()), 1), 5) if buys else 0
            out = _longer(out, m)
            out[0, m], out[1, m], out[2, m], out[3, m], out[4, m], out[5, m] = u, item, at, buys, value, d
            m += 1
            if memory[1, item] == 0 and memory[2, item] == 0:
                known[n_known] = item
                n_known += 1
            if buys:
                memory[0, item], memory[2, item] = at, 0
                memory[1, item] += 1
            else:
                memory[2, item] = at
            newest = here = item
            inside[item] = visit
            if way[visit] != ORDER:
                at += rng.integers(STEP[0], STEP[1])
    return out[0, :m], out[1, :m], out[2, :m], out[3, :m], out[4, :m], out[5, :m]


@njit(cache=True, nogil=True)
def _next_stop(rng, now, met, memory, inside, attraction, shop, candidate, weight):
    """Draw one stop, first the motive, then the item."""
    visit, at, day, device, here, newest = now
    offer, by_device, focus, sequel, sequel_weight, period, wear = shop
    share = _FIRST if here < 0 else _LATER
    draw = rng.random()
    n, total = _sequels(newest, offer[day], inside, visit, sequel, sequel_weight, candidate, weight)
    draw -= share[0] * (n > 0)
    if draw < 0:
        return candidate[_pick(rng, weight, n, total)]
    n, total = _needs(at, met, memory, inside, visit, period, wear, candidate, weight)
    draw -= share[1] * (1 - math.exp(-2 * total))
    if draw < 0:
        return candidate[_pick(rng, weight, n, total)]
    n, total = _comebacks(at, met, memory, inside, visit, candidate, weight)
    draw -= share[2] * (n > 0)
    if draw < 0:
        return candidate[_pick(rng, weight, n, total)]
    total = 0.0
    for item in range(len(attraction)):
        pull = attraction[item] * offer[day, item] * by_device[device, item]
        if here >= 0:
            pull = 0.0 if inside[item] == visit else pull * focus[here, item]
        weight[item] = pull
        total += pull
    return _pick(rng, weight, len(attraction), total)


@njit(cache=True, nogil=True)
def _sequels(newest, offer, inside, visit, sequel, sequel_weight, candidate, weight):
    n, total = 0, 0.0
    for k in range(sequel.shape[1] if newest >= 0 else 0):
        item = sequel[newest, k]
        if item >= 0 and offer[item] > 0 and inside[item] != visit:
            candidate[n], weight[n] = item, sequel_weight[newest, k]
            total += weight[n]
            n += 1
    return n, total


@njit(cache=True, nogil=True)
def _needs(at, met, memory, inside, visit, period, wear, candidate, weight):
    n, total = 0, 0.0
    for item in met:
        if memory[1, item] > 0 and inside[item] != visit:
            x = (at - memory[0, item]) / DAY / period[item]
            candidate[n], weight[n] = item, wear[item] * (1 + math.log(memory[1, item])) * x * math.exp(1 - x)
            total += weight[n]
            n += 1
    return n, total


@njit(cache=True, nogil=True)
def _comebacks(at, met, memory, inside, visit, candidate, weight):
    n, total = 0, 0.0
    for item in met:
        away = at - memory[2, item]
        if memory[2, item] > 0 and away <= INTEREST_DAYS * DAY and inside[item] != visit:
            candidate[n], weight[n] = item, math.exp(-away / DAY / INTEREST_FADE)
            total += weight[n]
            n += 1
    return n, total


@njit(cache=True, nogil=True)
def _longer(out, m):
    """Return room for one more column."""
    if m < out.shape[1]:
        return out
    longer = np.empty((len(out), 2 * m), np.int64)
    longer[:, :m] = out
    return longer


@njit(cache=True, nogil=True)
def _pick(rng, weight, n, total):
    """Draw a place with probability proportional to its weight."""
    left = rng.random() * total
    last = 0
    for place in range(n):
        if weight[place] > 0:
            last = place
            left -= weight[place]
            if left < 0:
                return place
    return last


@njit(cache=True, nogil=True)
def _geometric(rng, p):
    """Draw how many trials it takes until one succeeds."""
    return 1 if p >= 1 else 1 + int(math.log(1 - rng.random()) / math.log(1 - p))
