"""Loading named data and the reader's own, and describing it."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import datasets
from helpers.datasets import manifest, movielens, online_retail
from helpers.datasets.csv_files import parse_csv, read_csv, write_csv
from helpers.datasets.dataset import toy_dataset
from helpers.datasets.describe import describe, gini
from helpers.datasets.json_layouts import read_events
from helpers.datasets.load import build
from helpers.datasets.steps import Steps
from helpers.errors import InputError

# ------------------------------------------------------------------ CSV files


def test_csv_cells_are_texts_and_only_the_empty_one_is_missing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffID,NAME\r\n007,NA\r\n8,""\r\n9,"a,b"\r\n'.encode())
    frame = read_csv(path)
    assert list(frame) == ["ID", "NAME"]
    assert frame["ID"].tolist() == ["007", "8", "9"]
    assert frame["NAME"].isna().tolist() == [False, True, False]
    assert frame["NAME"].tolist()[::2] == ["NA", "a,b"]


def test_csv_lines_are_right_after_line_breaks_in_cells_and_blank_lines():
    frame = parse_csv(b'A,B\n1,"x\ny"\n\n2,z\n', "a.csv")
    assert frame.index.tolist() == [2, 5]
    assert frame.index.name == "line"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"A,B\n1,2\n1,2,3\n", "line 3, saw 3"),
        (b"A,B\n1,2,3\n1,2,3\n", "as many cells as the header"),
        (b"A,B,A\n1,2,3\n", "line 1: column A comes 2 times"),
        (b"A,B\n1,\xff\n", "byte 6, line 2"),
        (b"A,B\n1,\0\n", "NUL"),
        ("A,B\n1,2\n".encode("utf-16"), "save the file as UTF-8"),
    ],
)
def test_csv_faults_are_named(content, message):
    with pytest.raises(InputError) as caught:
        parse_csv(content, "shop.csv")
    assert str(caught.value).startswith("shop.csv") and message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.csv: cannot be read"):
        read_csv(tmp_path / "nowhere.csv")


@given(st.binary(max_size=60) | st.text('ab,"\n\r\\{}[]:1', max_size=60).map(str.encode))
@settings(deadline=None, max_examples=200)
def test_readers_raise_nothing_but_input_errors(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for reader in (read_csv, read_events):
        try:
            reader(path)
        except InputError:
            continue


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6)] * 2),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=60)
def test_csv_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    frame = pd.DataFrame(rows, columns=["A", "B"], dtype="str")
    write_csv(frame, path)
    pd.testing.assert_frame_equal(read_csv(path).reset_index(drop=True), frame)


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def interrupted(self, file, **_):
        file.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_csv(pd.DataFrame({"A": [1]}), path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"] and path.read_text() == "old"


# ------------------------------------------------------------------ the reader's own folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "interactions.csv").write_text(
        "user_id,Item Id,timestamp,Device\nu1,b,20,tv\nu1,a,10,pc\nu2,a,30,pc\nu2,a,30,pc\nu3,c,5,tv\n"
    )
    (tmp_path / "Items.csv").write_text("item_id,price\na,1.5\nb,\nd,3\n")
    return tmp_path


def test_folder_loads_with_inferred_schemas(folder):
    dataset = datasets.load(folder)
    assert dataset.interactions.item_ids.ids.tolist() == ["a", "b", "c", "d"]
    assert dataset.interactions.frame().values.tolist() == [
        ["u1", "a", 10, "pc"],
        ["u1", "b", 20, "tv"],
        ["u2", "a", 30, "pc"],
        ["u3", "c", 5, "tv"],
    ]
    np.testing.assert_array_equal(dataset.items["PRICE"], [1.5, np.nan, np.nan, 3])
    assert dataset.users is None and dataset.oracle is None
    assert dataset.schemas["Interactions"]["DEVICE"].categorical
    assert [(report.dataset_type, report.rows_read, report.rows_kept) for report in dataset.reports] == [
        ("Interactions", 5, 4),
        ("Items", 3, 3),
    ]


def test_folder_prefers_its_own_schema(folder):
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "Price", "type": ["null", "float"]}]
    document = {"type": "record", "name": "Items", "namespace": "x", "fields": fields, "version": "1.0"}
    for content in (document, [document], {"Items": document}):
        (folder / "schema.json").write_text(json.dumps(content))
        assert list(datasets.load(folder).items) == ["Price"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("interactions.csv", "user_id,timestamp\nu,1\n", r"interactions.csv: .*missing the following columns: \[ITEM_ID\]"),
        ("interactions.csv", "", "interactions.csv: the file is empty"),
        ("interactions.csv", "user_id,item_id,timestamp\n", "there are no rows"),
        (
            "interactions.csv",
            "user_id,item_id,timestamp\nu,a,1609459200000\n",
            "interactions.csv, line 2: TIMESTAMP 1609459200000 is in millisec",
        ),
        ("interactions.csv", "user_id,USER-ID,item_id,timestamp\nu,u,a,1\n", "two columns are called USER_ID"),
        ("items.csv", "name\nx\n", r"items.csv: .*missing the following columns: \[ITEM_ID\]"),
        ("schema.json", "{", "schema.json: not valid JSON"),
        ("schema.json", '{"type":"record"}', 'schema.json: schema: "name" must be'),
        ("schema.json", "7", "schema.json: schema: expected a JSON object"),
        ("schema.json", '{"fields":[]}', 'schema.json: schema: "type" must be'),
    ],
)
def test_folder_faults_name_the_file(folder, name, content, message):
    (folder / "Items.csv").unlink()
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        datasets.load(folder)


def test_folder_without_interactions_says_what_it_found(tmp_path):
    (tmp_path / "events.csv").write_text("x")
    with pytest.raises(InputError, match=r"no interactions.csv \(found events.csv\)"):
        datasets.load(tmp_path)


# ------------------------------------------------------------------ names


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'gift-shop'.*folder that holds interactions.csv"):
        datasets.load("giftshop")


@pytest.mark.parametrize("name", ["", " ", "~nobody-here", "x" * 5000, "a\0b", "../.."])
def test_strange_names_are_input_errors(name):
    with pytest.raises(InputError):
        datasets.load(name)


def test_a_file_is_not_a_folder(folder):
    with pytest.raises(InputError, match="is a file; name the folder"):
        datasets.load(folder / "interactions.csv")


def test_absent_files_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv(manifest.DATA_DIR, raising=False)
    monkeypatch.setattr(manifest, "RAW", tmp_path)
    with pytest.raises(InputError, match="python -m helpers data fetch online-retail - or set HELPERS_DATA_DIR"):
        datasets.load("online-retail")


def test_files_are_looked_for_in_the_named_folder_first(monkeypatch, tmp_path):
    named, raw = tmp_path / "named", tmp_path / "raw"
    monkeypatch.setattr(manifest, "RAW", raw)
    monkeypatch.setenv(manifest.DATA_DIR, str(named))
    entry = manifest.get("online-retail")
    assert entry.find() is None
    for base in (raw, named):
        (base / "online-retail").mkdir(parents=True)
        (base / "online-retail" / "a.csv").touch()
        assert entry.find() == base / "online-retail"


def test_a_relative_data_folder_counts_from_the_project_not_from_here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(manifest.DATA_DIR, "data")
    assert manifest.get("online-retail").places()[0] == manifest.ROOT / "data" / "online-retail"


def test_the_table_lists_every_data_set_with_licence_and_source():
    table = datasets.table()
    assert table["name"].tolist()[0] == datasets.DEFAULT
    assert (table[["title", "licence", "source"]] != "").all(axis=None)


def test_the_gift_shop_is_the_default_and_knows_its_truth(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shop = datasets.load()
    assert shop.name == "gift-shop"
    shop.check_minimum()
    assert shop.interactions.item_ids == shop.oracle.item_ids and shop.interactions.user_ids == shop.oracle.user_ids
    assert shop.items["CATEGORY"].str.contains("|", regex=False).any()
    assert set(shop.interactions.columns) == {"EVENT_TYPE", "EVENT_VALUE", "DEVICE"}
    assert shop.schemas["Users"].names[0] == "USER_ID" and len(shop.steps) > 0
    assert datasets.load("gift-shop").sha256 == shop.sha256


# ------------------------------------------------------------------ Online Retail and MovieLens, small and by hand

INVOICES = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,B,CUP,1,2011-01-01 10:00:00,2.0,17.0,France
1,A,LAMP ,2,2011-01-01 10:00:00,1.0,17.0,France
1,A,LAMP,3,2011-01-01 10:00:00,1.5,17.0,France
2,A,,1,2011-01-01 11:00:00,9.0,,France
C3,A,LAMP,-1,2011-01-01 12:00:00,1.0,17.0,France
4,A,lamp?,-5,2011-01-01 12:00:00,0.0,18.0,Spain
5,A,LAMP,1,2011-01-02 00:00:00,1.0,18.0,Spain
"""


def test_online_retail_is_cleaned_step_by_step(tmp_path):
    (tmp_path / "day.csv").write_text(INVOICES)
    steps = Steps()
    tables = online_retail.read(tmp_path, steps)
    start = 1293876000  # 2011-01-01 10:00:00 UTC
    assert tables["Interactions"].values.tolist() == [
        ["17", "B", start, "purchase", 1],  # in the order of the invoice
        ["17", "A", start, "purchase", 5],
        ["18", "A", start + 14 * 3600, "purchase", 1],
    ]
    assert tables["Items"].values.tolist() == [["A", "LAMP", 1.0], ["B", "CUP", 2.0]]
    assert tables["Users"].values.tolist() == [["17", "France"], ["18", "Spain"]]
    assert [(step.before, step.after) for step in steps] == [(7, 7), (7, 6), (6, 5), (5, 4), (4, 3), (4, 2), (4, 2)]
    assert steps.table()["fewer"].tolist()[:5] == [0, 1, 1, 1, 1]


def test_online_retail_in_one_file_with_american_dates_is_the_same(tmp_path):
    (tmp_path / "days.csv").write_text(INVOICES)
    first = online_retail.read(tmp_path, Steps())
    american = (
        INVOICES.replace("2011-01-01 1", "1/1/2011 1")
        .replace("2011-01-02 00", "1/2/2011 0")
        .replace(":00:00,", ":00,")
        .replace(".0,F", ",F")
    )
    path = tmp_path / "online-retail-dataset.csv"
    path.write_bytes(american.replace("CUP", "£ CUP").encode("cp1252"))
    again = online_retail.read(path, Steps())
    pd.testing.assert_frame_equal(first["Interactions"], again["Interactions"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Country", "Land", r"missing the following columns: \['Country'\]"),
        (",LAMP,3,", ",LAMP,three,", "Quantity 'three' is not a number"),
        ("2011-01-02 00:00:00", "yesterday", "dates must read like"),
    ],
)
def test_online_retail_faults_are_named(tmp_path, old, new, message):
    (tmp_path / "day.csv").write_text(INVOICES.replace(old, new))
    with pytest.raises(InputError, match=message):
        online_retail.read(tmp_path, Steps())


def test_online_retail_files_must_agree(tmp_path):
    (tmp_path / "1.csv").write_text(INVOICES)
    (tmp_path / "2.csv").write_text(INVOICES.replace("Country", "Land"))
    with pytest.raises(InputError, match="2.csv: the header differs from that of 1.csv"):
        online_retail.read(tmp_path, Steps())


def test_online_retail_in_one_file_is_not_counted_twice(tmp_path):
    (tmp_path / "day.csv").write_text(INVOICES)
    (tmp_path / "online-retail-dataset.csv").write_text(INVOICES)
    assert len(online_retail.read_invoices(tmp_path, Steps())) == 7


def test_faults_of_named_data_name_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(manifest.DATA_DIR, str(tmp_path))
    (tmp_path / "online-retail").mkdir()
    (tmp_path / "online-retail" / "day.csv").write_text(INVOICES.replace(",LAMP,3,", ",LAMP,three,"))
    with pytest.raises(InputError, match=f"{tmp_path}/online-retail: Quantity 'three'"):
        datasets.load("online-retail")


@pytest.fixture
def films(tmp_path):
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,10,4.0,100\n1,20,3.0,100\n2,10,1.0,50\n2,30,3.5,60\n"
    )
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n10,"Heat, The (1995)",Crime|Drama\n20,Untitled,(no genres listed)\n30,K (1999),Drama\n'
    )
    return tmp_path


def test_movielens_in_three_readings(films):
    def rows(read):
        frame = read(films, Steps())["Interactions"]
        return list(zip(frame["USER_ID"], frame["ITEM_ID"], frame["EVENT_TYPE"], strict=True))

    clicks = [("1", "10", "click"), ("1", "20", "click"), ("2", "30", "click")]
    assert rows(movielens.read_ratings) == [
        ("1", "10", "rating"),
        ("1", "20", "rating"),
        ("2", "10", "rating"),
        ("2", "30", "rating"),
    ]
    assert rows(movielens.read_clicks) == clicks
    assert rows(movielens.read_as_aws) == [clicks[0], ("1", "10", "watch"), clicks[1], clicks[2], ("2", "30", "watch")]
    assert movielens.read_ratings(films, Steps())["Interactions"]["EVENT_VALUE"].tolist() == [4.0, 3.0, 1.0, 3.5]
    items = movielens.read_ratings(films, Steps())["Items"]
    assert items["TITLE"].tolist() == ["Heat, The", "Untitled", "K"]
    np.testing.assert_array_equal(items["YEAR"], [1995, np.nan, 1999])
    assert items["GENRES"].fillna("-").tolist() == ["Crime|Drama", "-", "Drama"]


# ------------------------------------------------------------------ real data


@pytest.mark.parametrize(
    ("name", "events", "users", "items"),
    [
        ("movielens-small", 100_836, 610, 9_742),
        ("movielens-small-as-aws", 158_371, 610, 9_742),
        ("movielens-small-clicks", 96_655, 610, 9_742),
    ],
)
def test_known_numbers_of_movielens(data_dir, name, events, users, items):
    dataset = datasets.load(name)
    assert (len(dataset.interactions), dataset.interactions.n_users, dataset.interactions.n_items) == (events, users, items)
    assert all(report.rows_read == report.rows_kept and not report.warnings for report in dataset.reports)


def test_known_numbers_of_online_retail(data_dir):
    dataset = datasets.load("online-retail")
    interactions = dataset.interactions
    assert (len(interactions), interactions.n_users, interactions.n_items) == (387_797, 4_339, 3_665)
    assert [(step.before, step.after) for step in dataset.steps][:5] == [
        (541_909, 541_909),
        (541_909, 406_829),
        (406_829, 397_924),
        (397_924, 397_924),
        (397_924, 387_797),
    ]
    told = describe(dataset).set_index("measure")["value"]
    assert round(told["repeats"], 3) == 0.312
    assert round(told["events in a basket"], 3) == 0.952
    assert dataset.items.loc["85123A", "TITLE"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert dataset.users.loc["17850", "COUNTRY"] == "United Kingdom"


# ------------------------------------------------------------------ description


def test_describe_by_hand():
    frame = pd.DataFrame(
        [("u", "a", 1, "view"), ("u", "a", 1, "buy"), ("u", "b", 1, "view"), ("u", "a", 9, "view"), ("v", "a", 9, "view")],
        columns=["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"],
    )
    items = pd.DataFrame({"ITEM_ID": ["a", "b", "c"], "PRICE": [1.0, None, None]})
    told = describe(build("tiny", {"Interactions": pd.concat([frame, frame[:1]]), "Items": items})).set_index("measure")["value"]
    assert told["interactions"] == 5 and told["users"] == 2 and told["items"] == 2
    assert told["cold items"] == 1
    assert told["users with one interaction"] == 1 / 2
    assert told["repeats"] == 2 / 5
    assert told["doubled events"] == 1 / 5
    assert told["events in a basket"] == 2 / 5
    assert told["Gini of items"] == round(2 * (0 * 1 + 1 * 2 + 4 * 3) / (3 * 5) - 4 / 3, 4)
    assert told["interactions a user, 0 %"] == 1 and told["interactions a user, 100 %"] == 4
    assert told["first interaction"] == "1970-01-01 00:00:01"
    assert told["events of type view"] == 4
    assert told["minimum: interactions"] == "too few to train on"
    assert told["dropped: Interactions"] == 1
    assert told["missing: Items.PRICE"] == 2 / 3


def test_describe_an_empty_dataset():
    empty = toy_dataset("empty", {"u": ["a"]})
    empty = empty.with_interactions(empty.interactions.before(0))
    assert describe(empty)["value"].tolist() == [0]


def test_gini_extremes():
    assert gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 8])) == 3 / 4
    assert gini(np.array([0, 0])) == 0


def test_titles_name_every_item_and_fall_back_on_the_id():
    log = pd.DataFrame({"USER_ID": ["u", "u", "u"], "ITEM_ID": ["b", "a", "c"], "TIMESTAMP": [1, 2, 3]})
    items = pd.DataFrame({"ITEM_ID": ["a", "b"], "ITEM_TITLE": ["Fox Mug", None], "PRICE": [1.0, 2.0]})
    assert datasets.Dataset.from_frames("named", log, items).titles.tolist() == ["Fox Mug", "b", "c"]
    assert datasets.Dataset.from_frames("untitled", log, items[["ITEM_ID", "PRICE"]]).titles.tolist() == ["a", "b", "c"]
    assert datasets.Dataset.from_frames("bare", log).titles.tolist() == ["a", "b", "c"]
