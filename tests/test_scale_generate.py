"""The shop of any size: the same whoever draws it, and as true to its model as the built-in one."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.datasets import glue
from helpers.datasets.shop import Oracle, calibration
from helpers.datasets.shop.choice import Choice
from helpers.datasets.shop.play import Memory, Play
from helpers.datasets.shop.visits import plan
from helpers.datasets.steps import Steps
from helpers.interactions import EVENT_TYPE, Histories

pytest.importorskip("pyspark", reason="PySpark is not installed: the extra spark")

from helpers.scale import generate, walk  # noqa: E402


def test_a_block_is_drawn_from_its_own_seed():
    first, again, other = generate.draw_block(0), generate.draw_block(0), generate.draw_block(1)
    pd.testing.assert_frame_equal(first, again)
    assert not set(first["USER_ID"]) & set(other["USER_ID"]) and set(first["ITEM_ID"]) & set(other["ITEM_ID"])
    assert len(generate.draw_block(0, seed=7)) != len(first)
    assert first.sort_values(["USER_ID", "TIMESTAMP"], kind="stable").index.is_monotonic_increasing, "sorted by user and time"
    assert (first["EVENT_VALUE"].isna() == (first["EVENT_TYPE"] == "view")).all()
    assert first["EVENT_VALUE"].dropna().isin(range(1, 6)).all()
    assert 15 < len(first) / generate.BLOCK < 35


def test_the_shop_is_as_well_calibrated_as_the_built_in_one():
    """The tolerances were made for one draw of 2,500 users; another draw may miss one or two of the sixteen."""
    table = calibration.table(pd.concat([generate.draw_block(block) for block in range(5)]))
    assert table["within"].sum() >= 14
    off = (table["generated"] - table["online_retail"]).abs() / (table["tolerance"] + 0.01)
    assert off.max() < 2


def mean_log_likelihood(oracle: Oracle, users, items, times, buys, n: int = 1500) -> tuple[float, float]:
    """Return how likely the oracle finds ``n`` drawn events after what their users did before: mean of the log, and its error."""
    users, items, times = (np.asarray(values) for values in (users, items, times))
    kinds = np.where(buys, "purchase", "view").astype(object)
    starts = np.searchsorted(users, users)
    later = np.flatnonzero(np.arange(len(users)) > starts)
    asked = np.random.default_rng(0).choice(later, n, replace=False)
    lengths = asked - starts[asked]
    events = np.concatenate([np.arange(starts[event], event) for event in asked])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    owner = users[asked].astype(np.int32)
    shown = Histories(items[events].astype(np.int32), times[events], offsets, owner, times[asked], {EVENT_TYPE: kinds[events]})
    logs = np.log(oracle.scores(shown)[np.arange(n), items[asked]] + 1e-6)
    return logs.mean(), logs.std() / np.sqrt(n)


def test_the_compiled_walk_follows_the_formulas_of_the_shop():
    """The oracle, which knows them, finds the stops drawn here as likely as those that the built-in generator draws."""
    world = generate.world_of(0)
    oracle = Oracle()
    oracle.world, oracle.choice = world, Choice(world)
    play, events = Play(world, seed=1), []
    for user in range(250):
        memory = Memory()
        for visit in plan(play.rng, world.users, user, play.busy):
            events += play.walk(user, visit, memory)
    theirs = mean_log_likelihood(
        oracle, *(np.array([getattr(e, name) for e in events]) for name in ("user", "item", "at", "buys"))
    )
    found = walk.walk(np.random.default_rng(1), world, oracle.choice, walk.plan(np.random.default_rng(2), world.users, play.busy))
    ours = mean_log_likelihood(oracle, found.user, found.item, found.at, found.buys.astype(bool))
    spread = 3 * np.hypot(ours[1], theirs[1])
    assert abs(ours[0] - theirs[0]) < spread < 0.35
    shuffled = np.random.default_rng(3).permutation(found.item)
    assert mean_log_likelihood(oracle, found.user, shuffled, found.at, found.buys)[0] < ours[0] - 5 * spread, "the test can fail"


def test_the_number_of_tasks_changes_nothing(spark):
    one, many = (generate.events(spark, 3_000, partitions=n).toArrow().to_pandas() for n in (1, 3))
    pd.testing.assert_frame_equal(*(frame.sort_values("PLACE").reset_index(drop=True) for frame in (one, many)))
    assert one["USER_ID"].nunique() > 2_900 and one["PLACE"].is_unique
    assert generate.users_for(75_000) == 3_000


def test_raw_files_are_read_as_those_of_the_built_in_shop(spark, tmp_path):
    generate.write_raw(spark, str(tmp_path / "raw"), 1_000)
    lines = [
        line
        for part in sorted((tmp_path / "raw" / glue.FILES["Interactions"]).glob("part-*"))
        for line in part.read_text(encoding="utf-8").splitlines()
    ]
    drawn = generate.draw_block(0)
    assert len(lines) == len(drawn)
    first = json.loads(next(line for line in lines if '"view"' in line))
    assert list(first) == ["user_id", "item_id", "timestamp", "event_type", "event_value", "device"]
    assert isinstance(first["user_id"], int) and first["event_value"] is None
    (tmp_path / "all.json").write_text("\n".join(lines), encoding="utf-8")
    frame = glue.read_interactions(tmp_path / "all.json", Steps())
    key = ["USER_ID", "TIMESTAMP", "ITEM_ID"]
    theirs = frame.astype({"USER_ID": str, "ITEM_ID": str})[key].sort_values(key).reset_index(drop=True)
    pd.testing.assert_frame_equal(theirs, drawn[key].sort_values(key).reset_index(drop=True), check_dtype=False)
    assert len(glue.read_items(tmp_path / "raw" / "item.csv", Steps())) == 1_200
