"""The preparation on Spark: the rows of the one on pandas, byte for byte; faults cost nothing but themselves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers import datasets
from helpers.datasets import glue, online_retail
from helpers.datasets.csv_files import write_csv
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.scale import session
from helpers.schemas import check, infer

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "data" / "gift-shop"
KINDS = ("interactions", "items", "users")


def written(folder: Path, kind: str) -> tuple[str, list[str]]:
    """Return the header and the sorted lines of one dataset: a file of pandas, or the part files of Spark."""
    parts = sorted((folder / kind).glob("part-*.csv")) or [folder / f"{kind}.csv"]
    texts = [part.read_text(encoding="utf-8").split("\n") for part in parts]
    (header,) = {text[0] for text in texts}
    return header, sorted(line for text in texts for line in text[1:-1])


def assert_same(ours: Path, theirs: Path, kinds=KINDS) -> None:
    for kind in kinds:
        assert written(ours, kind) == written(theirs, kind), kind
    assert json.loads((ours / "schema.json").read_text()) == json.loads((theirs / "schema.json").read_text())


def prepare(spark, *arguments):
    from helpers.scale.prepare import prepare  # needs PySpark, which the fixture has made sure of

    return prepare(spark, *map(str, arguments))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pandas") / "shop"
    glue.prepare(SHOP, folder)
    return folder


def test_the_shop_byte_for_byte(spark, shop, tmp_path):
    accounts = prepare(spark, SHOP, tmp_path / "out")
    assert_same(tmp_path / "out", shop)
    assert accounts["Interactions"] == {"read": 67_695, "written": 67_695, "dropped": {}, "quarantined": 0}
    assert json.loads((tmp_path / "out" / "account.json").read_text()) == accounts
    # a user's events lie in one file, in the order of time, so that the parts can be read one after the other
    parts = [pd.read_csv(part, dtype=str) for part in sorted((tmp_path / "out" / "interactions").glob("part-*.csv"))]
    users = [set(part["USER_ID"]) for part in parts]
    assert len(parts) > 1 and sum(map(len, users)) == len(set.union(*users)) == 2_500
    joined = pd.concat(parts).astype({"TIMESTAMP": "int64"})
    assert joined.groupby("USER_ID")["TIMESTAMP"].is_monotonic_increasing.all()


# ------------------------------------------------------------------ faults in the input

GOOD = [
    '{"user_id": 1, "item_id": 10, "timestamp": 100, "value": 1}',
    '{"user_id": 1, "item_id": 10, "timestamp": 100, "value": 1.0}',  # the same in another spelling
    '{"user_id": 2, "item_id": "a,\\"b\\"\\nc", "timestamp": "1970-01-01T00:05:00", "value": 2.5, "late": "x|y"}',
    '{"user_id": 3, "item_id": null, "timestamp": 300, "value": null}',
    '{"user_id": 2, "item_id": 12, "timestamp": 400.0}',
    '{"user_id": 2, "item_id": 12, "timestamp": "soon"}',
    '{"user_id": 4, "history": [{"item_id": 12, "timestamp": 7}, {"item_id": 13, "timestamp": 7}]}',
]
CORRUPT = {
    '{"user_id": 5, "item_id": ': "not valid JSON",
    "[1, 2]": "holds no interaction",
    '{"user_id": 5, "item_id": 1, "timestamp": 1600000000000}': "milliseconds",
    '{"user_id": "\\ud800", "item_id": 1, "timestamp": 5}': "surrogate",
}
ITEMS = 'ITEM_ID,TITLE,PRICE\n10,"Tea  pot, ""blue"" ",1.50\n12,Cup,2\n,nothing,3\n10,Teapot,007\n'


@pytest.fixture
def faulty(tmp_path):
    folder = tmp_path / "raw"
    (folder / glue.FILES["Interactions"]).mkdir(parents=True)  # a folder of files in place of one
    lines = [*GOOD[:4], *CORRUPT, *GOOD[4:]]
    for number, part in enumerate((lines[:5], lines[5:])):
        (folder / glue.FILES["Interactions"] / f"{number}.json").write_text("\n".join(part), encoding="utf-8")
    (folder / "item.csv").write_text(ITEMS + "13,one,cell,too many\n", encoding="utf-8")
    return folder


def test_a_corrupt_line_is_put_aside_with_its_reason_and_the_counts_add_up(spark, faulty, tmp_path, monkeypatch):
    from helpers.scale import raw_events

    monkeypatch.setattr(raw_events, "_SAMPLE", 2)  # "late" and "history" turn up after the first look at the fields
    accounts = prepare(spark, faulty, tmp_path / "out")
    clean = tmp_path / "clean"
    clean.mkdir()
    flat = [json.loads(line) for line in GOOD[:-1]] + [{"user_id": 4, "item_id": i, "timestamp": 7} for i in (12, 13)]
    (clean / glue.FILES["Interactions"]).write_text("\n".join(json.dumps(record) for record in flat))
    (clean / "item.csv").write_text(ITEMS)
    glue.prepare(clean, tmp_path / "pandas")
    assert_same(tmp_path / "out", tmp_path / "pandas", ("interactions", "items"))
    account = accounts["Interactions"]
    assert (account["read"], account["written"], account["quarantined"]) == (8 + 4, 5, 4)
    assert sorted(account["dropped"].values()) == [1, 2]
    assert accounts["Items"] | {"dropped": sum(accounts["Items"]["dropped"].values())} == {
        "read": 5,
        "written": 2,
        "dropped": 2,
        "quarantined": 1,
    }
    bad = [json.loads(line) for path in (tmp_path / "out/quarantine").glob("*.json") for line in path.read_text().splitlines()]
    reasons = {row["RAW"]: row["REASON"] for row in bad if row["DATASET_TYPE"] == "Interactions"}
    assert {json.loads(raw)["user_id"] if raw.endswith("5}") else raw for raw in reasons} >= {
        "[1, 2]",
        '{"user_id": 5, "item_id": ',
    }
    for line, reason in CORRUPT.items():
        assert any(reason in found for found in reasons.values()), line
    assert [(row["SOURCE"], row["REASON"]) for row in bad if row["DATASET_TYPE"] == "Items"] == [
        ("item.csv", "has 4 cells, the header 3")
    ]


def test_an_account_that_does_not_add_up_is_refused():
    prepare_module = pytest.importorskip("helpers.scale.prepare")
    with pytest.raises(ValueError, match="3 records read, but 2 accounted for"):
        prepare_module.check_account("Items", {"read": 3, "written": 1, "dropped": {"a": 1}, "quarantined": 0})


def test_a_document_that_is_not_written_in_lines(spark, tmp_path):
    events = {str(user): [{"item_id": f"i{k}", "timestamp": 100 * user + k} for k in range(3)] for user in range(3)}
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / glue.FILES["Interactions"]).write_text(json.dumps(events))
    prepare(spark, raw, tmp_path / "out")
    glue.prepare(raw, tmp_path / "pandas")
    assert_same(tmp_path / "out", tmp_path / "pandas", ("interactions",))


def test_other_files_in_the_way_are_refused_and_a_fault_leaves_the_output_as_it_was(spark, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="holds other files .letter.txt"):
        prepare(spark, SHOP, out)
    (out / "letter.txt").rename(out / "account.json")
    with pytest.raises(InputError, match="nothing to learn from"):
        prepare(spark, tmp_path, out)
    assert (out / "account.json").read_text() == "keep me"
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"


# ------------------------------------------------------------------ faults of machines


def test_a_worker_that_dies_neither_loses_nor_doubles_rows(spark, tmp_path):
    """The task that reads one file kills its own process the first time; Spark tries it again."""
    from helpers.scale import raw_tables, staging

    for number in range(4):
        rows = "".join(f"{number}-{k},x\n" for k in range(50))
        (tmp_path / f"{number}.csv").write_text(f"ITEM_ID,TITLE\n{rows}")
    flag = tmp_path / "died"

    def die_once(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
        if frame["ITEM_ID"].iloc[0].startswith("2-") and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return frame

    found = spark.read.format("binaryFile").option("pathGlobFilter", "*.csv").load(str(tmp_path))
    staged = raw_tables.stage(found, ["ITEM_ID", "TITLE"], ["ITEM_ID", "TITLE"], die_once, ("utf-8",))
    staged.write.parquet(str(tmp_path / "staged"))
    kept = spark.read.parquet(str(tmp_path / "staged"))
    assert flag.exists() and staging.findings(kept) == staging.Findings(read=200, bad=0, left_out={}, fields=[])
    ids = [row["ITEM_ID"] for row in staging.kept(kept, ["ITEM_ID"]).orderBy("PLACE").collect()]
    assert ids == [f"{number}-{k}" for number in range(4) for k in range(50)]


def submitted(raw: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs the job by spark-submit, and its environment."""
    submit = Path(sys.executable).with_name("spark-submit")
    if not submit.exists():
        submit = Path(shutil.which("spark-submit") or pytest.skip("spark-submit is not beside this Python"))
    private = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    settings = session.SHORT | private
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    arguments = ["--JOB_NAME", "shop", "--INPUT", str(raw), f"--OUTPUT={out}", "--job-bookmark-option", "none"]
    command = [str(submit), "--master", "local[2]", *options, str(ROOT / "helpers" / "scale" / "prepare_job.py"), *arguments]
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return command, os.environ | python | {"SPARK_LOCAL_IP": "127.0.0.1"}


def test_a_job_killed_in_the_middle_leaves_nothing_and_the_next_one_finishes(spark, tmp_path):
    """By spark-submit, as on a cluster; a third run then replaces a finished output."""
    raw, out = tmp_path / "raw", tmp_path / "outputs" / "shop"
    raw.mkdir()
    lines = (SHOP / glue.FILES["Interactions"]).read_text(encoding="utf-8").splitlines()[:20_000]
    (raw / glue.FILES["Interactions"]).write_text("\n".join(lines), encoding="utf-8")
    command, environment = submitted(raw, out)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = subprocess.Popen(command, start_new_session=True, env=environment, **silent)
    deadline = time.monotonic() + 120
    while not list(out.parent.glob(".shop-*/new/interactions")) and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert list(out.parent.glob(".shop-*/new/interactions")) and not out.exists(), "killed in the middle of its work"
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr[-2000:]
    assert json.loads(second.stdout.splitlines()[-1])["accounts"]["Interactions"]["written"] == len(lines) - 1  # less the "["
    glue_lines = [line.rstrip(",") for line in lines[1:]]
    (raw / glue.FILES["Interactions"]).write_text("\n".join(glue_lines), encoding="utf-8")
    glue.prepare(raw, tmp_path / "pandas")
    assert_same(out, tmp_path / "pandas", ("interactions",))
    prepare(spark, raw, out)
    assert_same(out, tmp_path / "pandas", ("interactions",))
    assert [path.name for path in out.parent.iterdir()] == ["shop"], "nothing is left beside it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--INPUT", "a"], "required: --OUTPUT"),
        (["--INPUT", "a", "--OUTPUT", "b", "--source", "glue"], "capitals"),
        (["--INPUT", "a", "--OUTPUT", "b", "--SOURCE", "excel"], "invalid choice"),
    ],
)
def test_mistyped_arguments_are_refused(arguments, message, capsys):
    prepare_job = pytest.importorskip("helpers.scale.prepare_job")
    with pytest.raises(SystemExit):
        prepare_job.parse(arguments)
    assert message in capsys.readouterr().err


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", "")
    session.why_not.cache_clear()
    try:
        assert "PySpark is not installed" in session.why_not() or "needs a Java runtime, version 17" in session.why_not()
        with pytest.raises(InputError, match="Java|PySpark"):
            session.local()
    finally:
        session.why_not.cache_clear()


# ------------------------------------------------------------------ real data


def test_online_retail_byte_for_byte(spark, data_dir, tmp_path):
    raw = data_dir / "online-retail"
    accounts = prepare(spark, raw, tmp_path / "out", "online-retail")
    frames = online_retail.read(raw, Steps())
    folder = tmp_path / "pandas"
    folder.mkdir()
    schemas = {kind: infer(frame, kind) for kind, frame in frames.items()}
    for kind, frame in frames.items():
        report = check(frame, schemas[kind])
        write_csv(glue.as_written(report.frame, schemas[kind]), folder / f"{kind.lower()}.csv")
    (folder / "schema.json").write_text(json.dumps({kind: json.loads(schema.to_json()) for kind, schema in schemas.items()}))
    assert_same(tmp_path / "out", folder)
    shop = datasets.load("online-retail")
    assert accounts["Interactions"]["written"] == len(shop.interactions)


def test_the_items_of_the_glue_sample_byte_for_byte(spark, data_dir, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(data_dir / "glue-sample" / "item.csv", raw)
    (raw / glue.FILES["Interactions"]).write_text('{"user_id": 1, "item_id": 2, "timestamp": 3}')
    prepare(spark, raw, tmp_path / "out")
    glue.prepare(raw, tmp_path / "pandas")
    assert_same(tmp_path / "out", tmp_path / "pandas", ("interactions", "items"))
