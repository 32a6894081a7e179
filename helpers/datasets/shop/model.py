"""The shop's generative model, part one: what the items and the users are like. Drawn from a seed in a blink.

Nothing here is written to the data set except what a real shop would know; the rest (tastes, appeal, order of sets) is
the truth behind the data and is recovered by drawing again from the same seed (:func:`draw_world`).

In words:

* An *item* is one piece of a *set*: a theme ("Woodland Fox"), a range of products in the order in which people complete
  it (teapot, cup, jug ...), one colour, and a launch day. Its log appeal to everybody, ``base``, is a set effect plus an
  own effect plus a little extra for the first pieces: some items are famous, most are not.
* A *user* has a log taste for every theme, category and colour, a price at ease, and a hidden style that only shows in
  behaviour. Tastes lean with age and gender::

      affinity(u, i) = theme_taste[u, theme_i] + mean of category_taste[u, c] over the categories c of i
                       + colour_taste[u, colour_i] + style[u] . style[i] - price_weight * |log price_i - price_ease[u]|
      attraction(u, i) = exp(affinity(u, i) + base_i)
"""

from dataclasses import dataclass

import numpy as np

SEED = 2025
DAY = 86_400
START = 1_735_689_600
"""Wednesday 1 January 2025, 00:00 UTC: the shop's year."""
DAYS = 365
END = START + DAYS * DAY


def day_of_year(at: np.ndarray | int) -> np.ndarray | int:
    """Return the day of the shop's year, 0 to 364, of Unix times; times outside the year count to its ends."""
    return np.clip((at - START) // DAY, 0, DAYS - 1)


@dataclass(frozen=True)
class Parameters:
    """Sizes and strengths of the model; the defaults make the committed data set. Log units unless said otherwise.

    Attributes:
        n_users, n_sets: how many users, and sets of about six items.
        second_editions: how many sets return as a new edition with the same titles.
        late_sets: share of sets launched within the year; of these, ``last_weeks`` in the last six weeks.
        set_appeal, item_appeal, first_piece: spread of the appeal of sets and of items, extra appeal of a first piece.
        theme, category, colour, style: spread of users' tastes.
        price_weight: loss per factor e away from the price at ease.
        lean: factor on how strongly taste leans with age and gender.
        extra_baskets, spread: baskets beyond a user's first are Poisson with a rate of this mean and spread over
            users, both of its log.
        path, path_spread: mean number of stops of a visit, and its spread over users (log).
        new_users: share of users who join within the year.
    """

    n_users: int = 2_500
    n_sets: int = 207
    second_editions: int = 8
    late_sets: float = 0.30
    last_weeks: float = 0.30
    set_appeal: float = 0.9
    item_appeal: float = 1.5
    first_piece: float = 0.5
    theme: float = 1.5
    category: float = 0.8
    colour: float = 0.5
    style: float = 0.5
    price_weight: float = 0.5
    lean: float = 1.0
    extra_baskets: float = 0.25
    spread: float = 1.32
    path: float = 3.9
    path_spread: float = 0.55
    new_users: float = 0.62


@dataclass(frozen=True, eq=False)
class Items:
    """The catalogue, ``n`` items in the order of their ids (so a row number is a vocabulary code).

    Attributes:
        ids: ``(n,)`` str. title: ``(n,)`` str. price: pounds, ``(n,)``. created: Unix seconds, ``(n,)``.
        theme, colour, set_, position: ``(n,)`` codes; ``position`` counts from 0 within the set.
        categories: weights ``(n, 14)``, each row sums to 1. main: ``(n,)`` code of the main category.
        period: days until it is needed again, ``(n,)``; NaN = it lasts.
        base: log appeal to everybody, ``(n,)``. style: hidden style, ``(n, 4)``. bias: satisfaction, ``(n,)``.
        sequel, sequel_weight: the up to three items that follow this one, ``(n, 3)``, -1 pads, weights sum to 1.
    """

    ids: np.ndarray
    title: np.ndarray
    price: np.ndarray
    created: np.ndarray
    theme: np.ndarray
    colour: np.ndarray
    set_: np.ndarray
    position: np.ndarray
    categories: np.ndarray
    main: np.ndarray
    period: np.ndarray
    base: np.ndarray
    style: np.ndarray
    bias: np.ndarray
    sequel: np.ndarray
    sequel_weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Users:
    """The customers, ``n`` users in the order of their ids.

    Attributes:
        ids, username, gender: ``(n,)`` str. age: years, ``(n,)``.
        joined, left: Unix seconds between which the user visits, ``(n,)``.
        baskets: planned purchases, ``(n,)``. path: mean number of stops of a visit, ``(n,)``.
        theme, category, colour, style: tastes, ``(n, 16)``, ``(n, 14)``, ``(n, 12)``, ``(n, 4)``.
        price_ease: log price at ease, ``(n,)``. bias: satisfaction, ``(n,)``. device: probabilities, ``(n, 3)``.
    """

    ids: np.ndarray
    username: np.ndarray
    gender: np.ndarray
    age: np.ndarray
    joined: np.ndarray
    left: np.ndarray
    baskets: np.ndarray
    path: np.ndarray
    theme: np.ndarray
    category: np.ndarray
    colour: np.ndarray
    style: np.ndarray
    price_ease: np.ndarray
    bias: np.ndarray
    device: np.ndarray
