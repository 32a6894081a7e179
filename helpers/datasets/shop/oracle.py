"""What only a generated shop can offer: the truth. How likely is each item to be a user's next stop, really?

The oracle draws the world again from the seed (nothing hidden is stored) and evaluates the formulas of
:mod:`helpers.datasets.shop.choice`. Given a history it is exact up to what no recommender can see: whether the visit goes
on. It weighs both cases::

    p = g * p(later stop of this visit) + (1 - g) * sum over devices of P(device | user) * p(first stop of a visit now)

``g`` is ``1 - 1 / path_u`` right after an event, and falls to 0 while the longest time between two stops passes.
"""

from dataclasses import dataclass

import numpy as np

from helpers.datasets.shop.choice import FIRST, LATER, Choice, Shares, interest, rebuy_share
from helpers.datasets.shop.model import DAY, END, SEED, Parameters, day_of_year
from helpers.datasets.shop.play import STEP
from helpers.datasets.shop.words import DEVICES
from helpers.datasets.shop.world import World, draw_world
from helpers.interactions import EVENT_TYPE, UNKNOWN, Histories, Vocabulary

BLOCK = 256
"""Rows worked on at once: keeps memory at tens of megabytes."""


@dataclass(frozen=True, eq=False)
class State:
    """What a history says about the next stop, for ``n`` rows.

    Attributes:
        newest: item code of the newest event, -1 = none, ``(n,)``.
        inside: items met in the visit that may still be running, bool ``(n, n_items)``.
        need, interest: weights of the motives *rebuy* and *comeback*, ``(n, n_items)``.
        running: probability that the visit goes on, ``(n,)``.
        device: device code of the newest event, -1 = unknown, ``(n,)``.
    """

    newest: np.ndarray
    inside: np.ndarray
    need: np.ndarray
    interest: np.ndarray
    running: np.ndarray
    device: np.ndarray


class Oracle:
    """The true preferences behind the gift shop.

    Attributes:
        world: items and users as arrays, tastes included. choice: the formulas.
        item_ids, user_ids: vocabularies; codes are row numbers of the arrays in ``world``.
    """

    def __init__(self, seed: int = SEED, parameters: Parameters | None = None):
        self.world: World = draw_world(seed, parameters)
        self.choice = Choice(self.world)
        self.item_ids, self.user_ids = Vocabulary(self.world.items.ids), Vocabulary(self.world.users.ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    def preference(self, users, at, last_items=None, device: str | None = None) -> np.ndarray:
        """Return the probability of each item as the next stop, without what a longer history would add.

        Args:
            users: user ids (str) or codes (int), ``(n,)``; an unknown user gets the average of all.
            at: Unix seconds, one for all or ``(n,)``.
            last_items: item ids or codes of the running visit's newest stop, ``(n,)``, -1 = a visit begins; None = all begin.
            device: one of ``desktop``, ``mobile``, ``tablet``; None = weighed by the user's habit.

        Returns:
            ``(n, n_items)``, rows sum to 1; 0 for items not yet launched.
        """
        users = self._codes(users, self.user_ids)
        n = len(users)
        newest = np.full(n, UNKNOWN) if last_items is None else self._codes(last_items, self.item_ids)
        inside, nothing = np.zeros((n, self.n_items), bool), np.zeros((n, self.n_items))
        inside[newest >= 0, newest[newest >= 0]] = True
        codes = np.full(n, UNKNOWN if device is None else DEVICES.index(device))
        state = State(newest, inside, nothing, nothing, (newest >= 0) * 1.0, codes)
        return self._mix(users, np.broadcast_to(np.asarray(at, np.int64), n), state, device is not None)

    def scores(self, histories: Histories, days: int = 0) -> np.ndarray:
        """Return how likely each item is to come next after each history, ``(n, n_items)``; higher is better.

        With ``days=0`` this is the probability of the next event if it comes at the time of the request: the bound for
        recommenders that answer "what is next". With ``days > 0`` it is the average over first stops on the days of
        that span (every second day), the better bound when the truth is all that happens in some weeks.

        Args:
            histories: codes of this shop's vocabularies; user -1 gets the average of all users. The column EVENT_TYPE
                tells purchases from views (without it all events count as purchases), DEVICE is used if present. An
                empty history without a time is asked at the end of the year.
            days: how many days ahead to look, 0 or more.
        """
        blocks = [np.arange(start, min(start + BLOCK, len(histories))) for start in range(0, len(histories), BLOCK)]
        parts = [np.empty((0, self.n_items))]
        for block in blocks:
            rows = histories.take(block)
            now = np.where(rows.now > 0, rows.now, END)
            times = [now + DAY * ahead for ahead in range(0, days + 1, 2)]
            parts.append(np.mean([self._mix(rows.users, at, self._state(rows, at), False) for at in times], axis=0))
        return np.concatenate(parts)

    def rating(self, users, items) -> np.ndarray:
        """Return the EVENT_VALUE (1 to 5) to be expected before noise and rounding; ids or codes, shapes that broadcast."""
        return np.clip(self.world.satisfaction(self._codes(users, self.user_ids), self._codes(items, self.item_ids)), 1, 5)

    @staticmethod
    def _codes(values, vocabulary: Vocabulary) -> np.ndarray:
        values = np.atleast_1d(np.asarray(values))
        return values.astype(np.int64) if values.dtype.kind in "iu" else vocabulary.codes(values).astype(np.int64)

    def _state(self, rows: Histories, now: np.ndarray) -> State:
        n, n_items = len(rows), self.n_items
        filled, ends = rows.lengths > 0, rows.offsets[1:] - 1
        newest, device = np.full(n, UNKNOWN), np.full(n, UNKNOWN)
        newest[filled] = rows.items[ends[filled]]
        if "DEVICE" in rows.columns:
            held = rows.columns["DEVICE"][ends[filled]]
            device[filled] = [DEVICES.index(d) if d in DEVICES else UNKNOWN for d in held]
        elapsed = now - np.where(filled, rows.timestamps[np.maximum(ends, 0)] if len(rows.timestamps) else 0, 0)
        still = np.clip((STEP[1] - elapsed) / (STEP[1] - STEP[0]), 0, 1) * filled
        goes_on = 1 - 1 / self._of_user(self.world.users.path, rows.users)
        running = goes_on * still / (goes_on * still + 1 - goes_on)
        inside = np.zeros((n, n_items), bool)
        current = _current_visit(rows) & (running > 0)[rows.rows]
        inside[rows.rows[current], rows.items[current]] = True
        return State(newest, inside, *self._memory(rows, now), running, device)

    def _memory(self, rows: Histories, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of *need* and *interest* of all items, ``(n, n_items)`` each."""
        shape = (len(rows), self.n_items)
        types = rows.columns.get(EVENT_TYPE)
        buys = np.ones(len(rows.items), bool) if types is None else types == "purchase"
        cell = rows.rows * self.n_items + rows.items
        bought, seen, times = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        np.maximum.at(bought.reshape(-1), cell[buys], rows.timestamps[buys])
        np.maximum.at(seen.reshape(-1), cell[~buys], rows.timestamps[~buys])
        np.add.at(times.reshape(-1), cell[buys], 1)
        need, call = np.zeros(shape), np.zeros(shape)
        row, item = np.nonzero(times)
        need[row, item] = self.choice.need(item, (now[row] - bought[row, item]) / DAY, times[row, item])
        row, item = np.nonzero(seen > bought)
        call[row, item] = interest((now[row] - seen[row, item]) / DAY)
        return need, call

    def _mix(self, users: np.ndarray, at: np.ndarray, state: State, given_device: bool) -> np.ndarray:
        """Weigh *the visit goes on* against *a new visit begins*."""
        attraction = self._of_user(self.world.attraction, users) * self.choice.offer[day_of_year(at)]
        habit = self._of_user(self.world.users.device, users)
        known = np.eye(len(DEVICES))[state.device]
        here = np.where((state.device >= 0)[:, None], known, habit)
        begin = here if given_device else habit
        first = self._stop(attraction, begin, state, np.zeros_like(state.inside), FIRST)
        if not state.running.any():
            return first
        later = self._stop(attraction, here, state, state.inside, LATER)
        going = state.running[:, None]
        return going * later + (1 - going) * first

    def _stop(self, attraction: np.ndarray, devices: np.ndarray, state: State, inside: np.ndarray, share: Shares) -> np.ndarray:
        """Return the mixture of the four motives, ``(n, n_items)``."""
        open_ = ~inside & (attraction > 0)
        sequel = _normal(self._sequels(state.newest) * open_)
        need = state.need * ~inside
        comeback = _normal(state.interest * ~inside)
        pull = attraction * open_
        if share is LATER:
            pull = pull * np.where((state.newest >= 0)[:, None], self.choice.focus[state.newest], 1.0)
        taste = sum(devices[:, [d]] * _normal(pull * self.choice.device[d]) for d in range(len(DEVICES)))
        known = [
            share.sequel * sequel,
            rebuy_share(share.rebuy, need.sum(axis=1, keepdims=True)) * _normal(need),
            share.comeback * comeback,
        ]
        told = sum(known)
        return told + (1 - told.sum(axis=1, keepdims=True)) * taste

    def _sequels(self, newest: np.ndarray) -> np.ndarray:
        items = self.world.items
        table = np.zeros((len(newest), self.n_items + 1))
        np.put_along_axis(table, items.sequel[newest], items.sequel_weight[newest], axis=1)
        return table[:, :-1] * (newest >= 0)[:, None]

    def _of_user(self, values: np.ndarray, users: np.ndarray) -> np.ndarray:
        """Return each user's row; the average of all for an unknown user."""
        chosen = values[users]
        if (users < 0).any():
            chosen[users < 0] = values.mean(axis=0)
        return chosen


def _current_visit(rows: Histories) -> np.ndarray:
    """Tell which events belong to the visit of their row's newest event: no pause as long as the longest step, ``(m,)``."""
    pause = np.diff(rows.timestamps, append=0) >= STEP[1]
    pause[rows.offsets[1:][rows.lengths > 0] - 1] = False
    total = np.cumsum(pause[::-1])[::-1]  # pauses from here to the end of everything
    after = np.append(total, 0)[rows.offsets[1:]]
    return total == after[rows.rows]


def _normal(weight: np.ndarray) -> np.ndarray:
    """Scale each row to sum 1; rows of zeros stay."""
    total = weight.sum(axis=1, keepdims=True)
    return np.divide(weight, total, out=np.zeros_like(weight, dtype=float), where=total > 0)
