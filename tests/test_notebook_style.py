"""Every committed notebook keeps to the rules, and every rule catches what it is there for."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_lint import MAX_BYTES, RULES, problems

from helpers import lesson, notebooks
from helpers.report import RECORD_MIME

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = sorted(path for path in (ROOT / "notebooks").rglob("*.ipynb") if not any(part.startswith(".") for part in path.parts))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_notebook_keeps_to_the_rules(path):
    found = problems(path)
    assert not found, "\n".join(found)


def test_there_are_notebooks_and_together_they_stay_small():
    assert notebooks.all_notebooks()
    assert sum(path.stat().st_size for path in COMMITTED) <= 5_000_000


def test_every_lesson_has_solutions():
    with_exercises = {path.stem[:2] for path in notebooks.all_notebooks() if lesson.exercises(path.stem[:2])}
    assert with_exercises == {path.stem[:2] for path in (ROOT / "notebooks" / "solutions").glob("*.ipynb")}


# ---------------------------------------------------------------- the rules themselves

HEADER = """# 98 Count things

You will count things by hand and trust the result.

| | |
|---|---|
| **You will learn** | to count |
| **You need** | ten fingers |
| **Read + run** | 5 + 1 min |
| **Next** | the end |"""


def stream(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def picture(**metadata):
    return new_output("display_data", {"image/png": "AA==", "text/plain": "<Figure size 600x350>"}, metadata=metadata)


def good_lesson() -> nbformat.NotebookNode:
    """A small lesson without fault; the tests below break one thing each."""
    record = new_output("display_data", {RECORD_MIME: {"a": 1, "b": 2}, "text/plain": "recorded a = 1\nrecorded b = 2"})
    alt = {"image/png": {"alt": "A bar that reaches from zero to five."}}
    cells = [
        new_markdown_cell(HEADER),
        new_code_cell("from helpers.report import record"),
        new_code_cell("SEED = 0  # draws\nDATASET = 'gift-shop'  # name or folder", metadata={"tags": ["parameters"]}),
        new_code_cell("start = (SEED, DATASET)"),
        new_markdown_cell("## 1 Count\n\nHow many are there?"),
        new_code_cell("print(len(start))", outputs=[stream("2 things\n")]),
        new_markdown_cell("Two. Now as a picture."),
        new_code_cell("draw(start)", outputs=[picture(**alt)]),
        new_markdown_cell("## 2 Exercises\n\nCount again."),
        *exercise("98.1"),
        new_markdown_cell("And once more."),
        *exercise("98.2"),
        new_markdown_cell("## What we learned\n\n- one\n- two\n- three"),
        new_code_cell("record(a=1, b=2)", outputs=[record]),
        new_markdown_cell("## Sources\n\n- A. Author, 2015, [Counting](https://example.com/counting)"),
    ]
    made = new_notebook(cells=cells)
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    kernel = {"name": "python3", "display_name": "Python 3"}
    made.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    return made


def exercise(number: str) -> list[nbformat.NotebookNode]:
    source = f'answer = ...\ncheck("{number}", answer)'
    return [new_code_cell(source, outputs=[stream(f"{number}: not answered yet\n")], metadata={"tags": ["exercise"]})]


@pytest.fixture(autouse=True)
def two_exercises(monkeypatch):
    """Lesson 98 has two exercises, as if they were registered."""
    for number in ("98.1", "98.2"):
        monkeypatch.setitem(lesson._EXERCISES, number, lesson.Exercise(number, bool, "hint"))


def check(made: nbformat.NotebookNode, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "98_count.ipynb"
    path.write_text(json.dumps(made), encoding="utf-8")
    return problems(path)


def test_the_good_lesson_has_no_fault(tmp_path):
    assert check(good_lesson(), tmp_path) == []


Break = Callable[[nbformat.NotebookNode], None]


def source(index: int, text: str) -> Break:
    return lambda made: made.cells[index].update(source=text)


def add_line(text: str, index: int = 5) -> Break:
    return lambda made: made.cells[index].update(source=f"{made.cells[index].source}\n{text}")


def output(*outputs, index: int = 5) -> Break:
    return lambda made: made.cells[index].update(outputs=list(outputs))


def replace(index: int, old: str, new: str) -> Break:
    return lambda made: made.cells[index].update(source=made.cells[index].source.replace(old, new))


def table(rows: int):
    body = "<tr><td>1</td></tr>" * rows
    return new_output("execute_result", {"text/html": f"<table><tbody>{body}</tbody></table>"}, execution_count=1)


BROKEN: list[tuple[str, str, Break]] = [
    ("header", "# 98 Title", replace(0, "# 98", "# 97")),
    ("header", "promise", replace(0, "You will count things by hand and trust the result.", "Count.")),
    ("header", "'You need'", replace(0, "| **You need** | ten fingers |\n", "")),
    ("header", "10 + 1 min", replace(0, "5 + 1 min", "soon")),
    ("parameters", "tag 'parameters'", lambda made: made.cells[2].metadata.clear()),
    ("parameters", "NAME = literal", replace(2, "SEED = 0", "SEED = int(0)")),
    ("parameters", "come first", source(2, "DATASET = 'gift-shop'  # name\nSEED = 0  # draws")),
    ("parameters", "has a comment", replace(2, "  # draws", "")),
    ("parameters", "SEED is never used", replace(3, "(SEED, DATASET)", "(0, DATASET)")),
    ("imports", "first code cell imports", source(1, "x = 1")),
    ("imports", "cell 5 imports", add_line("import os")),
    ("prose_before_code", "cell 6 follows code", lambda made: made.cells.pop(6)),
    ("sections", "must be called '1", replace(4, "## 1 Count", "## Count")),
    ("sections", "the last sections", replace(12, "## What we learned", "## 3 What we learned")),
    ("sections", "called 'Exercises'", replace(8, "## 2 Exercises", "Exercises")),
    ("sections", "three bullets", replace(12, "- three", "three")),
    ("sections", "author, year and link", replace(14, "2015", "once")),
    ("length", "16 lines", source(5, "\n".join(f"x{i} = {i}" for i in range(16)))),
    ("length", "more than one function", source(5, "def a(): ...\ndef b(): ...")),
    ("length", "61 cells", lambda made: made.cells.extend(new_markdown_cell("x") for _ in range(46))),
    ("size", "bytes; at most", output(stream("x" * MAX_BYTES))),
    ("metadata", "notebook metadata ['papermill']", lambda made: made.metadata.update(papermill={})),
    ("metadata", "called python3", lambda made: made.metadata["kernelspec"].update(name="mine")),
    ("metadata", "metadata ['execution']", lambda made: made.cells[5].metadata.update(execution={})),
    ("ids", "id of its own", lambda made: made.cells[5].update(id=made.cells[4].id)),
    ("ids", "renumbered", lambda made: made.cells[5].update(id="5")),
    ("links", "does not exist", add_line("[next](99_none.ipynb)", 6)),
    ("links", "picture from the network", add_line("![x](https://example.com/x.png)", 6)),
    ("executed", "execution counts", lambda made: made.cells[5].update(execution_count=None)),
    ("executed", "execution counts", lambda made: made.cells[5].update(execution_count=9)),
    ("clean_outputs", "stores an error", output(new_output("error", ename="E", evalue="", traceback=[]))),
    ("clean_outputs", "error stream", output(stream("Warning: x", "stderr"))),
    ("clean_outputs", "an object's address", output(stream("<object at 0x7f00aa11>"))),
    ("clean_outputs", "bare NumPy value", output(stream("np.float64(0.5)"))),
    ("clean_outputs", "a timing", output(stream("took 12 ms"))),
    ("clean_outputs", "a timing", output(stream("done in 0.53 s"))),
    ("clean_outputs", "timing or memory", output(stream("train_seconds  0.5"))),
    ("clean_outputs", "progress bar", output(stream(" 50%|#####     | 5/10"))),
    ("clean_outputs", "12 rows", output(table(13))),
    ("clean_outputs", "name of an object", output(new_output("display_data", {"text/plain": "<Axes: >"}))),
    ("compared", "nbval-skip", lambda made: made.cells[5].metadata.update(tags=["nbval-skip"])),
    ("compared", "nbval-ignore-output", lambda made: made.cells[5].metadata.update(tags=["nbval-ignore-output"])),
    ("compared", "raises-exception", lambda made: made.cells[5].metadata.update(tags=["raises-exception"])),
    ("alt_text", "text alternative", output(picture(), index=7)),
    ("recorded", "not 0", output(index=13)),
    ("code", "shell or magic", add_line("!ls")),
    ("code", "shell or magic", add_line("%autoreload 2")),
    ("code", "an installation", add_line("# pip install x")),
    ("code", "a shell command", add_line("os.system('ls')")),
    ("code", "network access", add_line("from urllib import request")),
    ("code", "a warnings filter", add_line("warnings.filterwarnings('ignore')")),
    ("code", "a progress display", add_line("clear_output()")),
    ("code", "a clock", add_line("t = time.perf_counter()")),
    ("leaks", "an absolute path: '/home/m", output(stream("read /home/me/data.csv"))),
    ("leaks", "an absolute path", add_line("open('C:\\\\Users\\\\me')")),
    ("leaks", "an e-mail address", add_line("write to someone@gmail.com", 6)),
    ("leaks", "a secret", add_line("key = 'AKIA" + "A" * 16 + "'")),
    ("leaks", "account number 999988887777", output(stream("arn:aws:personalize:eu-west-1:999988887777:recipe/x"))),
    ("exercises", "1 cells are tagged", lambda made: made.cells.pop(11)),
    ("exercises", "registered are", lambda made: made.cells[11].metadata.clear()),
    ("exercises", "must start with", replace(9, "answer = ...", "answer = 5")),
    ("exercises", 'check("98.1", answer)', replace(9, "98.1", "98.2")),
    ("exercises", "stored unanswered", output(stream("98.1: \u2713 right\n"), index=9)),
]


@pytest.mark.parametrize(("name", "words", "damage"), BROKEN, ids=[f"{name}-{words[:24]}" for name, words, _ in BROKEN])
def test_each_rule_catches_its_violation(tmp_path, name, words, damage):
    made = good_lesson()
    damage(made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nbformat.validator.DuplicateCellId)  # the very fault that one case is about
        found = check(made, tmp_path)
    assert any(text.startswith(f"{name}: ") and words in text for text in found), found


def test_a_cleared_notebook_is_caught(tmp_path):
    """nbval lets a notebook without any output pass; the lint does not."""
    made = good_lesson()
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    assert {text.split(":")[0] for text in check(made, tmp_path)} >= {"executed", "recorded", "exercises"}


def test_example_accounts_and_addresses_are_welcome(tmp_path):
    made = good_lesson()
    add_line("Ask a@example.com about arn:aws:personalize:eu-west-1:000000000000:recipe/x.", 6)(made)
    assert check(made, tmp_path) == []


@pytest.mark.parametrize(("second", "faults"), [("98.2: \u2713 right", 0), ("98.2: not yet", 1)])
def test_solutions_must_tick_every_exercise(tmp_path, second, faults):
    made = good_lesson()
    made.cells[0].source = "# 98 Solutions\n\nThe answers to the exercises of lesson 98."
    output(stream(f"98.1: \u2713 right\n{second}"))(made)
    found = check(made, tmp_path / "solutions")
    assert len(found) == faults and all("98.2 is not ticked" in text for text in found)


def test_reports_have_longer_cells_but_need_a_title(tmp_path):
    made = good_lesson()
    source(5, "\n".join(f"x{i} = {i}" for i in range(20)))(made)
    assert check(made, tmp_path / "reports") == []
    source(0, "x")(made)
    assert [text.split(":")[0] for text in check(made, tmp_path / "reports")] == ["title"]


def test_every_rule_has_a_violation_here():
    shown = {name for name, _, _ in BROKEN} | {"title", "solved"}  # these two: tests above
    assert shown == RULES.keys()
