"""The model of the curve: numbers whose answer is known, and the committed measurements."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.scale import curve


def points(one_machine, two_cores, sizes=(1, 10, 50)) -> pd.DataFrame:
    ways = {curve.ONE_MACHINE: one_machine, curve.TWO_CORES: two_cores}
    rows = [("sims", size, way, t) for way, times in ways.items() for size, t in zip(sizes, times, strict=True)]
    return pd.DataFrame(rows, columns=["work", "millions", "way", "seconds"])


@pytest.mark.parametrize(
    ("one_machine", "two_cores", "expected"),
    [
        ([1, 10, 50], [11, 20, 40], 10 + 40 * 10 / 20),  # 10 s ahead at 10 M, 10 s behind at 50 M: in the middle
        ([1, 10, 50], [5, 20, 60], np.nan),
        ([1, 10, np.nan], [5, 20, 60], 50),  # one machine broke its limit
        ([1, np.nan, np.nan], [5, 20, np.nan], 10),
        ([9, 20, 99], [5, 10, 60], 1),
    ],
)
def test_the_crossing(one_machine, two_cores, expected):
    assert curve.crossing(points(one_machine, two_cores), "sims") == pytest.approx(expected, nan_ok=True)


def test_the_model_finds_the_numbers_it_was_made_from():
    true = curve.Model(fixed=8.0, alone=0.5, shared=3.0)
    sizes, cores = [1, 1, 10, 10], [1, 2, 1, 2]
    found = curve.fit(sizes, cores, [true.seconds(m, n) for m, n in zip(sizes, cores, strict=True)])
    assert (found.fixed, found.alone, found.shared) == pytest.approx((8.0, 0.5, 3.0))
    assert found.seconds(50, 8) == pytest.approx(8 + 25 + 150 / 8)
    assert min(vars(curve.fit(sizes, cores, [5, 6, 7, 9])).values()) >= 0


def test_the_committed_points_are_whole():
    about = json.loads(curve.MEASURED.read_text(encoding="utf-8"))
    assert {"date", "machine", "versions", "heap", "points"} <= about.keys()
    table = curve.measured()
    assert set(table["work"]) == {"preparation", "popularity", "sims"} and table["millions"].max() >= 50
    assert (table["java MB"].dropna() < 1024 * 4).all(), "the driver's memory is bounded whatever the size: heap and overhead"
    assert (table["seconds"].notna() ^ table["failed"].notna()).all()
    assert not table.duplicated(["work", "millions", "way"]).any()
