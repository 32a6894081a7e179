"""Reports: strict parameters, offline pages, recorded numbers with provenance, and nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest
from tiny_notebooks import PARAMETERS, tiny, write_notebook

from helpers import notebooks, pages, report
from helpers.errors import InputError
from helpers.notebooks import NotebookFailed


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def shown(monkeypatch):
    """What record() displays, instead of displaying it."""
    collected = []
    monkeypatch.setattr(report, "display", lambda data, raw: collected.append(data))
    return collected


# ---------------------------------------------------------------- record


def test_record_rounds_to_six_digits_and_says_it_in_words(shown):
    report.record(ndcg=0.123456789, users=np.int64(250), big=np.float32(1234567.0), name="aws-sims", better=np.bool_(True))
    (data,) = shown
    assert data[report.RECORD_MIME] == {"ndcg": 0.123457, "users": 250, "big": 1234570.0, "name": "aws-sims", "better": True}
    assert type(data[report.RECORD_MIME]["better"]) is bool
    assert data["text/plain"].splitlines()[0] == "recorded ndcg = 0.123457"


@pytest.mark.parametrize("value", [[1], None, {"a": 1}, 1j])
def test_record_refuses_what_is_no_single_value(value):
    with pytest.raises(InputError, match="cannot be recorded"):
        report.record(x=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_record_refuses_numbers_that_are_not_finite(value):
    with pytest.raises(InputError, match="must be finite"):
        report.record(x=value)


def recorded(path, *values):
    outputs = [nbformat.v4.new_output("display_data", {report.RECORD_MIME: value}) for value in values]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("record()", outputs=outputs)]), path)
    return path


def test_read_records_joins_all_records_in_the_order_of_cells(tmp_path):
    path = recorded(tmp_path / "a.ipynb", {"b": 1, "a": 2.5}, {"0": "x"})
    assert list(report.read_records(path).items()) == [("a", 2.5), ("b", 1), ("0", "x")]


def test_read_records_keeps_the_order_in_which_a_cell_recorded(tmp_path):
    """A stored notebook holds the names in alphabetical order; the text beside them does not."""
    values = {"score": 0.5, "about": "x"}
    data = {report.RECORD_MIME: values, "text/plain": "recorded score = 0.5\nrecorded about = x"}
    cell = nbformat.v4.new_code_cell("record()", outputs=[nbformat.v4.new_output("display_data", data)])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    assert list(report.read_records(tmp_path / "a.ipynb")) == ["score", "about"]


def test_read_records_refuses_a_name_twice_and_files_that_are_no_notebook(tmp_path):
    with pytest.raises(InputError, match="'b' twice"):
        report.read_records(recorded(tmp_path / "a.ipynb", {"b": 1}, {"b": 1}))
    (tmp_path / "b.ipynb").write_text("{}")
    for name in ("b.ipynb", "missing.ipynb"):
        with pytest.raises(InputError, match="not a readable notebook"):
            report.read_records(tmp_path / name)


# ---------------------------------------------------------------- parameters


def test_parameters_are_read_as_literals(tmp_path):
    path = tiny(tmp_path / "99_tiny.ipynb")
    assert notebooks.parameters_of(path) == {"SEED": 0, "RATE": 0.5, "NAME": "a", "FLAG": True, "SIZES": [1, 2]}


@pytest.mark.parametrize("line", ["B = A * 2", "B = dict(a=1)", "import os", "B, C = 1, 2", "B: int = 2", "print(1)"])
def test_a_parameters_cell_with_anything_else_is_refused(tmp_path, line):
    path = write_notebook(tmp_path / "a.ipynb", [("A = 1\n" + line, ["parameters"])])
    with pytest.raises(InputError, match="line 2 of the parameters cell"):
        notebooks.parameters_of(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"SEDE": 1}, "has no parameter 'SEDE'. Did you mean SEED"),
        ({"seed": 1}, "Did you mean SEED"),
        ({"zzz": 1}, "It has: SEED, RATE, NAME, FLAG, SIZES"),
        ({"SEED": "1"}, "SEED must be a whole number like its default 0, not '1'"),
        ({"SEED": True}, "whole number"),
        ({"SEED": 1.5}, "whole number"),
        ({"RATE": True}, "a number"),
        ({"FLAG": 1}, "true or false"),
        ({"NAME": 3}, "text"),
        ({"SIZES": "1"}, "a list"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(tmp_path, runs, given, message):
    marker = tmp_path / "it-ran"
    path = tiny(tmp_path / "99_tiny.ipynb", f"total = 0; open({str(marker)!r}, 'w').close()")
    with pytest.raises(InputError, match=message):
        report.run(path, **given)
    assert not marker.exists() and not runs.exists()


def test_text_from_a_command_line_takes_the_type_of_the_default(tmp_path):
    path = tiny(tmp_path / "99_tiny.ipynb")
    typed = notebooks.from_text(path, {"SEED": "3", "RATE": "1", "NAME": "7", "FLAG": "False", "SIZES": "[5]"})
    assert typed == {"SEED": 3, "RATE": 1.0, "NAME": "7", "FLAG": False, "SIZES": [5]}
    assert notebooks.from_text(path, {"SEED": "x", "FLAG": "yes", "NOPE": "1"}) == {"SEED": "x", "FLAG": "yes", "NOPE": "1"}


def test_an_unknown_data_set_is_refused_before_anything_runs(tmp_path, runs):
    path = write_notebook(tmp_path / "a.ipynb", [("DATASET = 'gift-shop'", ["parameters"])])
    with pytest.raises(InputError, match="no-such-data"):
        report.run(path, DATASET="no-such-data")
    assert not runs.exists()


def test_an_unknown_notebook_is_refused():
    with pytest.raises(InputError, match="unknown notebook 'recipe_raport'"):
        report.run("recipe_raport")


# ---------------------------------------------------------------- run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One real run, started from another working directory."""
    folder = tmp_path_factory.mktemp("made")
    extra = (
        "# Formulas\n\nInline $a^2$ and\n\n$$\\sum_{i=1}^{n} x_i$$\n\n![far](https://example.com/a.png) "
        "[next](98_other.ipynb) [site](https://example.com/)"
    )
    widgets = "import ipywidgets\nipywidgets.IntSlider()"
    secret = ("hidden_from_page = 'not in the page'", ["remove-input"])
    where = "import os\nrecord(threads=os.environ['OMP_NUM_THREADS'], folder=os.path.basename(os.getcwd()))"
    cells = [
        "# 99 Tiny",
        "from helpers.report import record",
        PARAMETERS,
        extra,
        widgets,
        secret,
        where,
        "record(total=SEED + RATE)",
    ]
    path = write_notebook(folder / "lessons" / "99_tiny.ipynb", cells)
    before = path.read_bytes()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    here = os.getcwd()
    os.chdir(elsewhere)
    try:
        result = report.run(path, out=folder / "out", SEED=2, RATE=1)
    finally:
        os.chdir(here)
    assert path.read_bytes() == before, "the source is never written"
    return result


def test_a_run_leaves_notebook_page_and_records_and_nothing_else(made):
    assert sorted(file.name for file in made.folder.iterdir()) == [
        *("99_tiny.html", "99_tiny.ipynb", "provenance.json", "records.json")
    ]
    assert [path.name for path in made.folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_run_records_numbers_with_their_provenance(made):
    stored = json.loads((made.folder / "records.json").read_text(encoding="utf-8"))
    assert made.records == stored["records"] == {"threads": "1", "folder": "lessons", "total": 3.0}
    assert stored["parameters"] == {"SEED": 2, "RATE": 1.0, "NAME": "a", "FLAG": True, "SIZES": [1, 2]}
    assert list(stored) == [*("notebook", "notebook_sha256", "parameters", "dataset", "data_sha256", "records")]
    about = json.loads((made.folder / "provenance.json").read_text(encoding="utf-8"))
    assert about["versions"]["numpy"] == np.__version__ and about["versions"]["python"].startswith("3.")
    assert about["seconds"] > 0 and {"commit", "code_sha256", "machine", "finished"} <= about.keys()
    assert made.provenance.items() >= about.items()
    assert report.read_records(made.notebook) == made.records


def test_the_page_opens_offline(made):
    text = made.html.read_text(encoding="utf-8")
    assert pages.references(text) == []
    assert "<script" not in text
    assert '<a href="https://example.com/a.png">[picture: far]</a>' in text, "a remote picture became a link"
    assert 'href="https://example.com/"' in text, "ordinary links stay"


def test_pictures_stay_in_the_page_whatever_their_bytes():
    slashes = "iVBORw0//AAA"  # base64 may hold two slashes in a row; they are no address
    output = nbformat.v4.new_output("display_data", {"image/png": slashes, "text/plain": "<Figure>"})
    cell = nbformat.v4.new_code_cell("draw()", outputs=[output])
    text = pages.notebook_page(nbformat.v4.new_notebook(cells=[cell]))
    assert f"data:image/png;base64,{slashes}" in text and "[picture" not in text


def test_words_in_tables_are_marked_to_stand_left_and_so_are_the_heads_above_them():
    head, row = "<thead><tr><th></th><th>item</th><th>count</th></tr></thead>", "<tr><th>1</th><td>tea pot</td><td>3</td></tr>"
    text = pages.align_words(f"<table>{head}<tbody>{row}</tbody></table>")
    assert '<th class="words">item</th>' in text and '<td class="words">tea pot</td>' in text
    assert "<th>count</th>" in text and "<td>3</td>" in text


def test_formulas_are_mathml_and_widgets_leave_no_trace(made):
    text = made.html.read_text(encoding="utf-8")
    assert text.count("<math") == 2 and "$$" not in text
    assert "IntSlider(" not in text.replace("ipywidgets.IntSlider()", "") and "widget-view" not in text


def test_links_to_other_notebooks_keep_their_text_only(made):
    text = made.html.read_text(encoding="utf-8")
    assert "98_other" not in text and "next" in text


def test_code_is_shown_except_where_a_tag_hides_it(made):
    text = made.html.read_text(encoding="utf-8")
    assert "getcwd" in text and "not in the page" not in text


def test_reports_hide_all_code_and_show_what_they_were_made_with(tmp_path):
    path = tiny(tmp_path / "reports" / "card.ipynb")
    text = report.run(path, out=tmp_path / "out", SEED=5).html.read_text(encoding="utf-8")
    assert "import" not in text.split("</style>")[1] and "recorded total = 5.5" in text
    assert "SEED = 5" in text and "RATE = 0.5" in text


def test_an_existing_folder_is_never_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists already"):
        report.run(tiny(tmp_path / "a.ipynb"), out=tmp_path / "out")


def test_a_failing_cell_leaves_the_partial_notebook_in_a_failed_folder_only(tmp_path, runs):
    path = tiny(tmp_path / "99_tiny.ipynb", "total = 1 / 0")
    with pytest.raises(NotebookFailed, match=r"99_tiny.ipynb, cell 3: ZeroDivisionError: division by zero"):
        report.run(path)
    assert [p.name for p in runs.iterdir() if any(p.iterdir())] == ["failed"]
    (kept,) = (runs / "failed").iterdir()
    assert [file.name for file in kept.iterdir()] == ["99_tiny.ipynb"]
    assert "ZeroDivisionError" in (kept / "99_tiny.ipynb").read_text()


def test_a_user_mistake_inside_a_notebook_stays_a_user_mistake(tmp_path, runs):
    code = "from helpers.errors import InputError\nraise InputError('items.csv lacks ITEM_ID')"
    with pytest.raises(InputError, match="items.csv lacks ITEM_ID"):
        report.run(tiny(tmp_path / "a.ipynb", code))


def test_an_interrupted_run_claims_nothing(tmp_path):
    """Ctrl-C in the middle of a cell: the partial notebook is kept as failed, no page, no records."""
    started = tmp_path / "started"
    path = tiny(tmp_path / "99_tiny.ipynb", f"import time; open({str(started)!r}, 'w').close(); time.sleep(600)")
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell's background jobs ignore it
    code = f"{heed}\nfrom helpers import report; report.run({str(path)!r}, out={str(tmp_path / 'out')!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 300
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert started.exists()
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0 and b"KeyboardInterrupt" in errors
    assert not (tmp_path / "out").exists()
    assert [file.name for file in (tmp_path / "out-failed").iterdir()] == ["99_tiny.ipynb"]
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize(
    "fragment",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        '<link rel="stylesheet" href="//cdn.example.com/a.css">',
        '<img src="http://example.com/a.png">',
        "<style>@import 'https://example.com/a.css';</style>",
        '<p style="background: url(https://example.com/a.png)">x</p>',
        '<iframe src="https://example.com"></iframe>',
    ],
)
def test_references_finds_everything_a_page_would_fetch(fragment):
    assert len(pages.references(pages.page("x", fragment))) == 1


def test_a_link_is_no_reference_and_the_empty_page_has_none():
    assert (
        pages.references(pages.page("x", '<a href="https://example.com">x</a><img src="data:image/png;base64,AA==" alt="">'))
        == []
    )


def test_a_formula_that_cannot_be_converted_is_shown_as_written(monkeypatch):
    def fail(*_, **__):
        raise ValueError("no")

    monkeypatch.setattr(pages, "to_mathml", fail)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Then $a < b$.")])
    assert "<code>a &lt; b</code>" in pages.notebook_page(notebook)


def test_links_between_notebooks_become_links_between_pages():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("[next](../11_sims.ipynb#look) [map](../README.md)")]
    )
    text = pages.notebook_page(notebook, links="html")
    assert '<a href="../11_sims.html#look">next</a>' in text and "README" not in text and "map" in text


# ---------------------------------------------------------------- tidy


def test_tidy_keeps_ids_and_tags_and_drops_what_changes(tmp_path):
    cell = nbformat.v4.new_code_cell("1", execution_count=7, metadata={"tags": ["exercise"], "papermill": {}, "execution": {}})
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("x", metadata={"tags": []}), cell])
    notebook.metadata = nbformat.from_dict(
        {"papermill": {"input_path": "/home/me"}, "widgets": {}, "kernelspec": {"name": "mine"}}
    )
    identifier = cell.id
    tidy = notebooks.tidy(notebook)
    assert tidy.metadata.keys() == {"kernelspec", "language_info"} and tidy.metadata.kernelspec.name == "python3"
    assert tidy.cells[1].id == identifier and tidy.cells[1].metadata == {"tags": ["exercise"]}
    assert tidy.cells[1].execution_count == tidy.cells[1].outputs[0].execution_count == 1
    assert tidy.cells[0].metadata == {}
    nbformat.validate(tidy)
