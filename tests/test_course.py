"""The whole course on tiny lessons: order, index, leaderboard, failures that cost nothing else, and the refreshed outputs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from own_shop import own_shop
from tiny_notebooks import write_notebook

from helpers import course, course_page, datasets, notebooks, pages, recipes
from helpers.errors import InputError

HEADER = """# {title}

Promise of {title}.

| | |
|---|---|
| **You will learn** | a thing |
| **You need** | nothing |
| **Read + run** | 5 + 1 min |
| **Next** | [more](02_two.ipynb) |"""
IMPORTS = "from helpers import datasets\nfrom helpers.report import record"
PARAMETERS = ("SEED = 0\nDATASET = 'gift-shop'", ["parameters"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of the reader's own data, just large enough: 60 users, 40 items, 1,500 interactions."""
    return own_shop(tmp_path_factory.mktemp("data"))


LESSONS = Path(__file__).resolve().parents[1] / "notebooks"


def lessons(root, monkeypatch, names=("01_one", "02_two"), **broken):
    """Write small lessons below ``root`` and make them the course."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", root / "notebooks")
    monkeypatch.setattr(notebooks, "RUNS", root / "runs")
    for name in [*names, "reports/card"]:
        work = broken.get(name, "record(users=datasets.load(DATASET).interactions.n_users)")
        cells = [HEADER.format(title=name.replace("_", " ")), IMPORTS, PARAMETERS, work]
        write_notebook(root / "notebooks" / f"{name}.ipynb", cells)


@pytest.fixture(scope="module")
def made(shop, tmp_path_factory):
    """One real course with a lesson that fails, started from the folder that holds the data."""
    root = tmp_path_factory.mktemp("course")
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        lessons(root, patch, **{"01_one": "1 / 0"})
        patch.chdir(shop.parent)
        result = course.run("own-shop", say=lines.append)
        yield result, lines


def test_lines_come_in_order_and_one_failure_loses_nothing_else(made):
    result, lines = made
    assert [line.split()[0] for line in lines[1:5]] == ["FAILED", "ok", "ok", "ok"]
    assert [line.split()[3].rstrip(":") for line in lines[1:5]] == ["01_one", "02_two", "reports/card", "leaderboard"]
    assert "ZeroDivisionError" in lines[1] and lines[5].startswith("2 of 3 notebooks ran in")
    assert lines[6].startswith("Open ") and lines[6].endswith("index.html")
    assert not result.ok


def test_the_folder_holds_executed_copies_pages_records_index_and_leaderboard(made):
    folder = made[0].folder
    assert folder.name.startswith("course-own-shop-")
    assert sorted(entry.name for entry in folder.iterdir()) == ["index.html", "leaderboard.csv", "notebooks"]
    names = {path.relative_to(folder / "notebooks").as_posix() for path in (folder / "notebooks").rglob("*.*")}
    assert names == {
        *("01_one.ipynb", "01_one.html", "02_two.ipynb", "02_two.html", "02_two.records.json", "02_two.provenance.json"),
        *("reports/card.ipynb", "reports/card.html", "reports/card.records.json", "reports/card.provenance.json"),
    }
    stored = json.loads((folder / "notebooks" / "02_two.records.json").read_text())
    assert stored["records"] == {"users": 60} and len(stored["data_sha256"]) == 64


def test_the_index_is_the_map_and_opens_offline(made):
    text = (made[0].folder / "index.html").read_text(encoding="utf-8")
    assert pages.references(text) == [] and "<script" not in text
    for piece in (
        "Promise of 02 two.",
        "Read + run: 5 + 1 min",
        'href="notebooks/02_two.html"',
        "<dd>60</dd>",
        "ZeroDivisionError",
    ):
        assert piece in text
    links = [part.split('"')[0] for part in text.split('href="')[1:] if not part.startswith("#")]
    assert "notebooks/02_two.html" in links
    assert all((made[0].folder / link).is_file() for link in links)


def test_pages_link_to_pages_and_show_how_far_a_failed_lesson_came(made):
    folder = made[0].folder / "notebooks"
    assert 'href="02_two.html"' in (folder / "02_two.html").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in (folder / "01_one.html").read_text(encoding="utf-8")


def test_the_leaderboard_measures_every_recommending_recipe_under_both_splits(made):
    frame = pd.read_csv(made[0].folder / "leaderboard.csv")
    expected = [
        name
        for name in recipes.names()
        if recipes.get(name).type not in ("USER_SEGMENTATION", "PERSONALIZED_RANKING")
        and ("Items" not in recipes.get(name).needs or name == "aws-user-personalization")  # which takes items, and needs none
    ]
    assert "aws-sims" in expected
    for split in ("personalize", "temporal"):
        part = frame[frame["split"] == split]
        assert sorted(part["recipe"]) == sorted(expected)
        assert part["normalized_discounted_cumulative_gain_at_25"].is_monotonic_decreasing
    text = (made[0].folder / "index.html").read_text(encoding="utf-8")
    assert text.count('src="data:image/png;base64,') == 2 and "<caption>" in text


def test_an_unknown_data_set_runs_nothing(tmp_path, monkeypatch):
    lessons(tmp_path, monkeypatch)
    with pytest.raises(InputError, match="unknown data set"):
        course.run("no-such-data")
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_course_claims_nothing(tmp_path, shop, monkeypatch):
    """Ctrl-C in the second lesson: the finished first one is kept as failed; no index, no leaderboard."""
    started = tmp_path / "started"
    wait = f"import time; open({str(started)!r}, 'w').close(); time.sleep(600)"
    lessons(tmp_path, monkeypatch, **{"02_two": wait})
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "from pathlib import Path\nfrom helpers import course, notebooks\n"
        f"notebooks.NOTEBOOKS = Path({str(tmp_path / 'notebooks')!r}); notebooks.RUNS = Path({str(tmp_path / 'runs')!r})\n"
        f"course.run({str(shop)!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    first = [process.stdout.readline() for _ in range(2)][1]  # lesson 01 is done
    deadline = time.monotonic() + 300
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    _, errors = process.communicate(timeout=300)
    assert first.startswith(b"ok") and process.returncode != 0 and b"KeyboardInterrupt" in errors
    assert [entry.name for entry in (tmp_path / "runs").iterdir()] == ["failed"]
    (kept,) = (tmp_path / "runs" / "failed").iterdir()
    assert [entry.name for entry in kept.iterdir()] == ["notebooks"]
    assert (kept / "notebooks" / "01_one.html").exists()


def test_a_notebook_that_cannot_run_here_is_skipped_and_says_why(tmp_path, shop, monkeypatch):
    monkeypatch.setattr(course, "WORKERS", 1)
    lessons(tmp_path, monkeypatch, names=("01_one", "60_scale_out"))
    monkeypatch.setattr(notebooks, "why_not", lambda path, data=None: "no <Java> here" if "60_" in path.name else "")
    lines = []
    course.refresh_outputs(say=lines.append)
    assert [line.split()[0] for line in lines] == ["skip", "ok", "ok"] and lines[0].endswith("60_scale_out: no <Java> here")
    task = course.Task(tmp_path / "notebooks" / "60_scale_out.ipynb", tmp_path / "out", str(shop), {}, "no <Java> here")
    outcome = course._run_notebook(task)
    assert (outcome.skipped, outcome.error, outcome.title) == ("no <Java> here", "", "60 scale out")
    assert course.Course(tmp_path, [outcome]).ok
    page = course_page.index([outcome], "<p>board</p>", "", datasets.load(shop), 1.0)
    assert "no &lt;Java&gt; here" in page and "not run here" in page and 'href="notebooks/60_scale_out.html"' not in page


def test_a_notebook_whose_examples_need_columns_is_skipped_on_data_without_them(shop):
    bare, gifts = datasets.load(shop), datasets.load("gift-shop")
    path = LESSONS / "31_filters_and_context.ipynb"
    assert "no CATEGORY and no PRICE" in notebooks.why_not(path, bare)
    assert notebooks.why_not(path, gifts) == notebooks.why_not(path) == ""
    assert notebooks.why_not(LESSONS / "11_sims.ipynb", bare) == ""
    assert notebooks.NEEDS.keys() <= {path.stem for path in LESSONS.rglob("*.ipynb")}


def test_a_notebook_that_follows_clicks_is_skipped_on_data_of_whole_baskets():
    path = LESSONS / "50_use_cases.ipynb"
    rows = [(f"u{user}", f"i{item}", user) for user in range(3) for item in range(4)]
    baskets = datasets.Dataset.from_frames("baskets", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))
    assert path.exists() and "share their second" in notebooks.why_not(path, baskets)
    assert notebooks.why_not(path, datasets.load("gift-shop")) == ""


def test_refreshed_outputs_replace_a_notebook_only_after_success(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "WORKERS", 1)  # no processes to start
    lessons(tmp_path, monkeypatch, **{"01_one": "record(seed=SEED)", "02_two": "1 / 0", "reports/card": "record(seed=SEED)"})
    good, bad = (tmp_path / "notebooks" / f"{name}.ipynb" for name in ("01_one", "02_two"))
    before, ids = bad.read_bytes(), [cell.id for cell in nbformat.read(good, as_version=4).cells]
    lines = []
    errors = course.refresh_outputs(say=lines.append)
    assert len(errors) == 1 and "ZeroDivisionError" in errors[0] and bad.read_bytes() == before
    assert [line.split()[0] for line in lines] == ["ok", "FAILED", "ok"]
    fresh = nbformat.read(good, as_version=4)
    assert [cell.id for cell in fresh.cells] == ids
    assert [cell.execution_count for cell in fresh.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert fresh.metadata.keys() == {"kernelspec", "language_info"} and "papermill" not in good.read_text()
    assert sorted(path.name for path in (tmp_path / "notebooks").iterdir()) == ["01_one.ipynb", "02_two.ipynb", "reports"]
    first = good.read_bytes()
    course.refresh_outputs([good], say=lines.append)
    assert good.read_bytes() == first, "refreshing twice gives the same bytes"
