"""Preparation of raw shop files: JSON layouts, the steps of the transform, and files written whole."""

import json
import os

import pandas as pd
import pytest

from helpers import datasets
from helpers.datasets import glue
from helpers.datasets.atomic import written_whole
from helpers.datasets.json_layouts import LAYOUTS, read_events, spelled_as
from helpers.datasets.steps import Steps
from helpers.errors import InputError

EVENTS = [("1", "a", 100), ("1", "b", 200), ("2", "a", 300)]


def record(user, item, time, names=("user_id", "item_id", "timestamp")) -> dict:
    return dict(zip(names, (user, item, time), strict=True))


def purchases(user) -> list[dict]:
    return [{"item_id": item, "timestamp": time} for who, item, time in EVENTS if who == user]


ARRAY, LINES, NESTED, BY_USER, COLUMNS = LAYOUTS
DOCUMENTS = {
    "array": (json.dumps([record(*event) for event in EVENTS]), ARRAY),
    "array in a wrapper": (json.dumps({"version": 1, "interactions": [record(*event) for event in EVENTS]}), ARRAY),
    "lines": ("\n".join(json.dumps(record(*event)) for event in EVENTS) + "\n", LINES),
    "lines, Windows": ("\r\n".join(json.dumps(record(*event)) for event in EVENTS), LINES),
    "nested": (json.dumps([{"user_id": user, "purchases": purchases(user)} for user in "12"]), NESTED),
    "nested in a wrapper": (json.dumps({"users": [{"userId": user, "items": purchases(user)} for user in "12"]}), NESTED),
    "nested, one a line": ("\n".join(json.dumps({"user": user, "history": purchases(user)}) for user in "12"), NESTED),
    "by user": (json.dumps({user: purchases(user) for user in "12"}), BY_USER),
    "by user, deeper": (json.dumps({user: {"name": "x", "purchases": purchases(user)} for user in "12"}), BY_USER),
    "by user in a wrapper": (json.dumps({"users": {user: purchases(user) for user in "12"}}), BY_USER),
    "columns": (
        json.dumps({"CustomerID": ["1", "1", "2"], "StockCode": ["a", "b", "a"], "InvoiceDate": [100, 200, 300]}),
        COLUMNS,
    ),
    "dates": (
        json.dumps([record(user, item, f"1970-01-01 00:0{time // 60}:{time % 60:02d}") for user, item, time in EVENTS]),
        ARRAY,
    ),
    "byte-order mark": ("\ufeff" + json.dumps([record(*event) for event in EVENTS]), ARRAY),
}


@pytest.mark.parametrize(("text", "layout"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_layout_gives_the_same_interactions(tmp_path, text, layout):
    path = tmp_path / "i.json"
    path.write_bytes(text.encode())
    assert read_events(path)[1] == layout
    frame = glue.read_interactions(path, Steps())
    rows = zip(frame["USER_ID"].astype(str), frame["ITEM_ID"], frame["TIMESTAMP"].astype(int), strict=True)
    assert list(rows) == EVENTS
    assert list(frame)[:3] == ["USER_ID", "ITEM_ID", "TIMESTAMP"]


@pytest.mark.parametrize(
    "names", [("userId", "itemId", "timeStamp"), ("USER_ID", "ITEM_ID", "TS"), ("customer", "product", "date")]
)
def test_the_usual_spellings(names):
    assert spelled_as(list(names)) == dict(zip(names, ("USER_ID", "ITEM_ID", "TIMESTAMP"), strict=True))


def test_the_best_spelling_wins_and_the_other_stays_a_column(tmp_path):
    (tmp_path / "i.json").write_text('[{"user": 1, "item": 2, "date": "2020-01-01", "timestamp": 5}]')
    frame = glue.read_interactions(tmp_path / "i.json", Steps())
    assert frame.to_dict("records") == [{"USER_ID": 1, "ITEM_ID": 2, "TIMESTAMP": 5, "DATE": "2020-01-01"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ('[{"user_id": 1', "not valid JSON"),
        ('{"a": 1}\n{"b": ', "line 2: not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "found an empty list; the file begins b'\\[\\]'"),
        ("3", "found the int '3'"),
        ('{"name": "shop"}', "found an object with the keys 'name'"),
        ('[{"who": 1, "what": 2}]', "a list of 1 of an object with the keys 'who', 'what'"),
        ('[{"user_id": 1, "item_id": 2}]', "none of the known layouts"),
        ('[{"user_id": 1, "item_id": 2, "timestamp": 3}, 4]', "none of the known layouts"),
        ('[{"user_id": "\\ud800", "item_id": "a", "timestamp": 3}]', "surrogate"),
    ],
)
def test_unknown_content_is_shown(tmp_path, text, message):
    path = tmp_path / "i.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_events(path)


def test_milliseconds_in_json_name_the_record(tmp_path):
    (tmp_path / glue.FILES["Interactions"]).write_text(json.dumps([record(1, 2, 1_600_000_000), record(1, 2, 1_600_000_000_000)]))
    with pytest.raises(InputError, match="record 2: TIMESTAMP 1600000000000 is in milliseconds.* mixed"):
        glue.prepare(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------ the steps


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    events = [
        {"user_id": 1, "item_id": 10, "timestamp": 100, "device": "tv"},
        {"user_id": 1, "item_id": 10, "timestamp": 100, "device": "tv"},
        {"user_id": 2, "item_id": 11, "timestamp": "1970-01-01T00:05:00", "device": "pc"},
        {"user_id": 3, "item_id": None, "timestamp": 300, "device": "pc"},
        {"user_id": 2, "item_id": 12, "timestamp": 400, "device": "pc"},
        {"user_id": 1, "item_id": 12, "timestamp": 500, "device": "tv"},
    ]
    (folder / "user-item-interaction.json").write_text(json.dumps(events))
    (folder / "item.csv").write_bytes(
        "\ufeffITEM_ID,ITEM_TITLE,PRICE\r\n10,Lamp  red ,1.5\r\n11,,2\r\n12,Lamp red,2\r\n10,Lamp red,9\r\n".encode()
    )
    (folder / "user.csv").write_text("user_id,username,age\n1,ann,30\n2,bob,\n3,cem,50\n")
    return folder


def test_each_step_counts_rows_before_and_after(raw):
    steps = Steps()
    tables = glue.tables(raw, steps)
    assert [(step.name.split(" (")[0], step.before, step.after) for step in steps] == [
        ("read user-item-interaction.json", 6, 6),
        ("cast dates to Unix seconds", 6, 6),
        ("drop interactions without USER_ID or ITEM_ID or TIMESTAMP", 6, 5),
        ("drop repeated interactions", 5, 4),
        ("read item.csv", 4, 4),
        ("strip blanks", 4, 4),
        ("drop items without ITEM_ID", 4, 4),
        ("drop repeated items", 4, 3),
        ("read user.csv", 3, 3),
        ("strip blanks", 3, 3),
        ("drop users without USER_ID", 3, 3),
        ("drop repeated users", 3, 3),
    ]
    assert steps.table()["found"].tolist()[4:6] == ["missing titles: 1; repeated titles: 1", "cells changed: 1"]
    assert tables["Interactions"]["TIMESTAMP"].tolist() == [100, 300, 400, 500]
    assert tables["Items"]["ITEM_TITLE"].fillna("-").tolist() == ["-", "Lamp red", "Lamp red"]


def test_merging_repeated_titles_moves_the_interactions(raw):
    tables, steps = glue.tables(raw, Steps()), Steps()
    items, interactions = glue.merge_repeated_titles(tables["Items"], tables["Interactions"], steps)
    assert items["ITEM_ID"].tolist() == ["11", "12"]
    assert interactions["ITEM_ID"].tolist() == ["12", "11", "12", "12"]
    assert [(step.before, step.after) for step in steps] == [(3, 2)]


def test_crawl_guesses_and_changes_nothing(raw):
    table = glue.crawl(raw).set_index(["file", "column"])
    assert table.loc[("user-item-interaction.json", "device"), ["becomes", "type", "use"]].tolist() == [
        "DEVICE",
        "string",
        "categorical",
    ]
    assert table.loc[("item.csv", "ITEM_TITLE"), ["type", "use", "missing"]].tolist() == ["string", "textual", 1]
    assert table.loc[("user.csv", "age"), ["becomes", "type", "use"]].tolist() == ["AGE", "long", "number"]


def test_prepared_files_load_as_the_raw_ones_do(raw, tmp_path):
    out = tmp_path / "prepared"
    done = glue.prepare(raw, out)
    assert sorted(path.name for path in out.iterdir()) == ["interactions.csv", "items.csv", "schema.json", "users.csv"]
    assert (
        out / "interactions.csv"
    ).read_text() == "USER_ID,ITEM_ID,TIMESTAMP,DEVICE\n1,10,100,tv\n2,11,300,pc\n2,12,400,pc\n1,12,500,tv\n"
    assert (out / "users.csv").read_text() == "USER_ID,USERNAME,AGE\n1,ann,30\n2,bob,\n3,cem,50\n"
    assert [(report.dataset_type, report.rows_kept) for report in done.reports] == [
        ("Interactions", 4),
        ("Items", 3),
        ("Users", 3),
    ]
    strict = datasets.load(out, strict=True)
    assert strict.schemas["Items"]["ITEM_TITLE"].textual
    assert strict.interactions.frame()["ITEM_ID"].tolist() == ["10", "12", "11", "12"]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    glue.prepare(raw, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError("disk full")])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_interrupted_prepare_leaves_nothing_half_written(raw, tmp_path, monkeypatch, earlier, interruption):
    out = tmp_path / "prepared"
    if earlier:
        glue.prepare(raw, out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written = []

    def failing(frame, path, write=glue.write_csv):
        if written:
            raise interruption
        written.append(path)
        write(frame, path)

    monkeypatch.setattr(glue, "write_csv", failing)
    with pytest.raises((KeyboardInterrupt, OSError)):
        glue.prepare(raw, out)
    assert len(written) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert out.exists() == earlier


def test_a_failed_swap_restores_the_old_folder(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old")

    def replace(source, target, real=os.replace):
        if str(source).endswith("new"):
            raise OSError("no")
        real(source, target)

    monkeypatch.setattr("helpers.datasets.atomic.os.replace", replace)
    with pytest.raises(OSError, match="no"), written_whole(out) as aside:
        (aside / "a").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (out / "a").read_text() == "old"


def test_foreign_folders_are_not_overwritten(raw, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").touch()
    with pytest.raises(InputError, match="holds other files \\(thesis.doc\\)"):
        glue.prepare(raw, tmp_path / "mine")
    with pytest.raises(InputError, match="is a file"):
        glue.prepare(raw, tmp_path / "mine" / "thesis.doc")


def test_missing_raw_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        glue.tables(tmp_path / "nowhere", Steps())
    with pytest.raises(InputError, match="none of user-item-interaction.json"):
        glue.tables(tmp_path, Steps())
    (tmp_path / "item.csv").write_text("id,title\n1,x\n")
    with pytest.raises(InputError, match="no column for ITEM_ID; found id, title"):
        glue.read_items(tmp_path / "item.csv", Steps())


# ------------------------------------------------------------------ the real sample


def test_the_real_item_file(data_dir):
    steps = Steps()
    items = glue.read_items(data_dir / "glue-sample" / "item.csv", steps)
    first = next(iter(steps))
    assert (first.before, first.found) == (1_199, {"missing titles": 1, "repeated titles": 526})
    assert list(items) == ["ITEM_ID", "ITEM_TITLE"] and len(items) == 1_199
    assert not items["ITEM_TITLE"].dropna().str.endswith(" ").any()
    merged, _ = glue.merge_repeated_titles(items, pd.DataFrame({"ITEM_ID": ["1"]}), Steps())
    assert len(merged) == 1_199 - 526


def test_the_real_sample_without_its_json_says_what_to_do(data_dir):
    if (data_dir / "glue-sample" / glue.FILES["Interactions"]).exists():
        pytest.skip("the sample is complete here")
    with pytest.raises(InputError, match="user-item-interaction.json is not there.*found item.csv.*Put it in this folder"):
        datasets.load("glue-sample")
