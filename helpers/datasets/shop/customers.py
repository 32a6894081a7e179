"""Draws the users: who they are, what they like, how often they come."""

import numpy as np

from helpers.datasets.shop.model import DAY, DAYS, START, Parameters, Users
from helpers.datasets.shop.words import CATEGORIES, CATEGORY_TASTE, COLOURS, DEVICES, NAME_WORDS, THEMES

MAX_BASKETS = 100


def draw_users(rng: np.random.Generator, parameters: Parameters) -> Users:
    """Draw the customers."""
    n = parameters.n_users
    age = np.clip(np.round(rng.gamma(9.0, 4.9, n)), 18, 84).astype(np.int64)
    gender = np.array(["F", "M", "X"], object)[np.searchsorted([0.60, 0.97], rng.random(n), side="right")]
    older, woman = (age - 44) / 15, (gender == "F") * 1.0 - (gender == "M")
    lean = parameters.lean
    theme = rng.normal(0, parameters.theme, (n, len(THEMES)))
    theme += lean * (np.outer(older, [t.age for t in THEMES]) + np.outer(woman, [t.gender for t in THEMES]))
    slopes = np.array([CATEGORY_TASTE.get(c, (0.0, 0.0)) for c in CATEGORIES])
    category = rng.normal(0, parameters.category, (n, len(CATEGORIES)))
    category += lean * (np.outer(older, slopes[:, 0]) + np.outer(woman, slopes[:, 1]))
    joined, left, baskets = _draw_visits(rng, parameters)
    return Users(
        ids=np.array([str(10_001 + u) for u in range(n)], object),
        username=_draw_usernames(rng, n),
        gender=gender,
        age=age,
        joined=joined,
        left=left,
        baskets=baskets,
        path=1 + (parameters.path - 1) * np.exp(rng.normal(-(parameters.path_spread**2) / 2, parameters.path_spread, n)),
        theme=theme,
        category=category,
        colour=rng.normal(0, parameters.colour, (n, len(COLOURS))),
        style=rng.normal(0, parameters.style, (n, 4)),
        price_ease=rng.normal(1.9, 0.5, n) + 0.1 * older,
        bias=rng.normal(0, 1, n),
        device=_draw_devices(rng, older),
    )


def _draw_visits(rng: np.random.Generator, parameters: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw when each user joins and leaves (Unix seconds) and how many baskets are planned.

    ``baskets - 1`` is Poisson with a log-normal rate: most come once or twice, a few very often, and these stay long.
    """
    n = parameters.n_users
    rate = np.exp(rng.normal(parameters.extra_baskets, parameters.spread, n))
    baskets = np.minimum(1 + rng.poisson(rate), MAX_BASKETS)
    joins = rng.random(n) < parameters.new_users * np.exp(-(baskets - 1) / 5)
    day = np.where(joins, DAYS * rng.random(n) ** 0.8, 0.0)
    stay = (DAYS - day) * rng.random(n) ** (0.35 / baskets)
    return (START + DAY * day).astype(np.int64), (START + DAY * (day + stay)).astype(np.int64), baskets


def _draw_devices(rng: np.random.Generator, older: np.ndarray) -> np.ndarray:
    """Return each user's habit, probabilities of desktop, mobile, tablet ``(n, 3)``: the young shop on the phone."""
    habit = np.stack([0.5 * older, 0.4 - 0.6 * older, 0.2 * older - 0.8], axis=1)
    weight = np.exp(habit + rng.normal(0, 1.2, (len(older), len(DEVICES))))
    return weight / weight.sum(axis=1, keepdims=True)


def _draw_usernames(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return invented names, each different: two words of nature and a number."""
    first, second = rng.integers(0, len(NAME_WORDS), (2, n))
    number = rng.permutation(n) + 1
    return np.array([f"{NAME_WORDS[a]}.{NAME_WORDS[b]}{k}" for a, b, k in zip(first, second, number, strict=True)], object)
