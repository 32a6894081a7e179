"""Learning curves: the same questions everywhere, nested samples, break-even points by hand, broken variants."""

import numpy as np
import pandas as pd
import pytest

from helpers import learning_curves
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.fit_check import quick_blend
from helpers.learning_curves import CONTENDER, Curve, crossing

DAY = 86_400


def shop(users: int = 40, days: int = 30, items: int = 12, seed: int = 0) -> Dataset:
    """Every user comes every third day and takes two of the items."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{user:02}", f"i{item:02}", (day + user % 3) * DAY + 3600 * user)
        for user in range(users)
        for day in range(0, days, 3)
        for item in rng.choice(items, 2, replace=False)
    ]
    return Dataset.from_frames("shop", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))


@pytest.fixture
def asked(monkeypatch):
    """Replace the measurement by a log of what was learned from and who asked for what."""
    log = []

    def note(dataset, learn, who, truth):
        log.append((learn, who, truth))
        return {"rule": np.full(len(truth), 0.5), CONTENDER: np.full(len(truth), float(len(learn)))}

    monkeypatch.setattr(learning_curves, "_ask", note)
    return log


def rows(interactions):
    return set(zip(interactions.users.tolist(), interactions.items.tolist(), interactions.timestamps.tolist(), strict=True))


# ------------------------------------------------------------------ what is asked, what is learned from


def test_fewer_users_are_nested_and_asked_the_same(asked):
    curve = learning_curves.by_users(shop(), (0.1, 0.5, 1), draws=2)
    assert curve.x.tolist() == [4, 20, 40] and curve.quality[CONTENDER].shape[:2] == (2, 3)
    learned = [{int(u) for u in np.unique(learn.users)} for learn, _, _ in asked]
    assert sorted(len(users) for users in learned) == [4, 4, 20, 20, 40]  # everybody is asked once for both draws
    small, middle = (sorted((u for u in learned if len(u) == size), key=sorted) for size in (4, 20))
    assert small[0] != small[1], "two draws"
    assert all(any(few <= many for many in middle) for few in small), "each small sample is a part of a larger one"
    assert all(who is asked[0][1] and truth is asked[0][2] for _, who, truth in asked)


def test_fewer_days_cut_what_is_known_of_those_who_ask(asked):
    learning_curves.by_days(shop(), (5, 10, 100))
    cut = int(asked[0][1].now[0])
    for (learn, who, truth), days in zip(asked, (5, 10, 100), strict=True):
        assert truth is asked[0][2] and (who.now == cut).all()
        for known in (learn, who):
            assert cut - days * DAY <= known.timestamps.min() and known.timestamps.max() < cut
    assert rows(asked[0][0]) < rows(asked[1][0]) < rows(asked[2][0])


def test_anonymous_users_ask_without_a_history(asked):
    learning_curves.by_known_users(shop(), (0, 0.5, 1), draws=1)
    (nobody, without, _), (everybody, with_, _) = asked[:2]  # nobody and everybody are asked first
    half, some, truth = asked[2]
    assert without.lengths.sum() == 0 and with_.lengths.min() > 0 and 0 < (some.lengths > 0).sum() < len(some)
    assert len(nobody) == len(half) == len(everybody), "no event is lost, only names are"
    assert nobody.histories.lengths.max() == 2, "a visit is all that is known of a guest"
    assert (some.now == with_.now).all() and len(truth) == len(with_)
    assert all(name.startswith("guest") for name in nobody.user_ids.ids)


def test_names_are_taken_visit_by_visit():
    """u comes twice, v once. Without u's name there are two guests; v stays."""
    frame = pd.DataFrame(
        [("u", "a", 0), ("u", "b", 60), ("u", "c", DAY), ("v", "a", 5)], columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]
    )
    interactions = Dataset.from_frames("tiny", frame).interactions
    made = learning_curves.without_names(interactions, np.array([True, False])).frame()
    assert made.groupby("USER_ID")["ITEM_ID"].agg("".join).to_dict() == {
        "guest 00000000": "ab",
        "guest 00000001": "c",
        "v": "a",
    }


@pytest.mark.parametrize("points", [(0.5,), (0.5, 0.1), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1), ()])
def test_points_must_rise_and_lie_in_range(points):
    with pytest.raises(InputError, match="rising"):
        learning_curves.by_users(shop(), points)


def test_the_same_seed_gives_the_same_curve_and_another_another():
    first, second, third = (learning_curves.by_users(shop(), (0.3, 1), seed=seed, draws=1) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first.table(), second.table())
    assert first.table().iloc[1].equals(third.table().iloc[1]) and not first.table().iloc[0].equals(third.table().iloc[0])


# ------------------------------------------------------------------ reading a curve


@pytest.mark.parametrize(
    ("surplus", "expected"),
    [
        ([1, 1, 1], 10),  # there from the first point on
        ([-1, 1, 1], 10**1.5),  # half-way between 10 and 100, on a logarithmic scale
        ([-1, 3, 1], 10**1.25),
        ([1, -1, 1], 10**2.5),  # the last time it comes from below counts
        ([-1, -1, -1], np.inf),
        ([-1, 0, 1], 100),
        ([1, 1, -1], np.inf),
    ],
)
def test_crossing_by_hand(surplus, expected):
    assert crossing(np.array([10, 100, 1000]), np.array(surplus)) == pytest.approx(expected)


def test_from_zero_the_line_is_straight():
    assert crossing(np.array([0, 0.5, 1]), np.array([-1, 1, 1])) == 0.25


def hand_made():
    """Two draws, two points, four users. The first rule is best at the first point, the second at the second."""
    first, second = np.zeros((2, 2, 4)), np.zeros((2, 2, 4))
    first[:, 0], second[:, 1] = 0.4, 0.5
    contender = np.stack([np.full((2, 4), 0.2), np.full((2, 4), 0.6)], axis=1)
    return Curve("users", np.array([10.0, 1000.0]), {"one": first, "two": second, CONTENDER: contender})


def test_a_hand_made_curve():
    curve = hand_made()
    assert curve.best_rule()[0, :, 0].tolist() == [0.4, 0.5]
    assert [round(gain.mean, 3) for gain in curve.gain()] == [-0.5, 0.2]
    assert curve.table().loc[1000.0, (CONTENDER, "mean")] == pytest.approx(0.6)
    even = curve.break_even()  # surplus -0.2, then +0.1: at two thirds of two powers of ten
    assert even.mean == pytest.approx(10 ** (1 + 4 / 3)) and even.low == even.high == pytest.approx(even.mean)
    assert curve.break_even(worth=0.25).mean == np.inf


def test_more_users_make_a_break_even_point_surer():
    rng = np.random.default_rng(0)

    def width(users):
        noise = rng.normal(0, 0.3, (1, 3, users))
        rule = np.full((1, 3, users), 0.5)
        curve = Curve("users", np.array([10.0, 100.0, 1000.0]), {"rule": rule, CONTENDER: rule + noise + [[[-0.1], [0], [0.1]]]})
        even = curve.break_even()
        return np.log10(min(even.high, 1e6) / even.low)

    assert width(2000) < width(20)


# ------------------------------------------------------------------ broken variants


def test_fresh_samples_instead_of_nested_ones_are_caught(asked, monkeypatch):
    rng = np.random.default_rng(1)

    def fresh(ask, shares, n, seed, draws):
        return [[ask(rng.permutation(n), share) for share in shares] for _ in range(draws)]

    monkeypatch.setattr(learning_curves, "_draw", fresh)
    with pytest.raises(AssertionError):
        test_fewer_users_are_nested_and_asked_the_same(asked)


def test_the_first_crossing_instead_of_the_last_is_caught():
    def first(x, surplus):
        return float(x[np.argmax(surplus >= 0)])

    assert first(np.array([10, 100, 1000]), np.array([1, -1, 1])) != crossing(np.array([10, 100, 1000]), np.array([1, -1, 1]))


def test_a_guest_who_keeps_the_name_is_caught(asked, monkeypatch):
    monkeypatch.setattr(learning_curves, "without_names", lambda interactions, anonymous: interactions)
    with pytest.raises(AssertionError):
        test_anonymous_users_ask_without_a_history(asked)


def test_with_nobody_known_the_blend_is_what_is_popular_lately():
    curve = learning_curves.by_known_users(shop(), (0, 1), draws=1)
    np.testing.assert_array_equal(curve.quality[CONTENDER][0, 0], curve.quality["popular lately"][0, 0])
    assert quick_blend.MOST_QUESTIONS >= len(curve.quality[CONTENDER][0, 0])
