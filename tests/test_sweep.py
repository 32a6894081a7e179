"""Sweeps: checked before the first run, one failure loses nothing else, a killed one goes on, nothing half-done counts."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from own_shop import own_shop
from tiny_notebooks import tiny, write_notebook

from helpers import __main__ as cli
from helpers import notebooks, pages, report, run_files, sweep, workers
from helpers.errors import InputError


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of the reader's own data without items: 60 users, 40 items, 1,500 interactions."""
    return str(own_shop(tmp_path_factory.mktemp("data")))


def about_recipes(path: Path, code: str = "score = 0.5") -> Path:
    parameters = "SEED = 0  # draws\nDATASET = 'gift-shop'  # data\nRECIPE = 'aws-sims'  # recipe\nSPLIT = 'temporal'  # split"
    imports = "from helpers.report import record"
    return write_notebook(path, ["# 99 Recipes", imports, (parameters, ["parameters"]), code, "record(score=score)"])


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs one after the other without worker processes: what is tested is what becomes of their answers."""
    monkeypatch.setattr(workers, "run_each", lambda work, tasks, jobs: ((i, work(task)) for i, task in enumerate(tasks)))


@pytest.fixture
def no_kernel(monkeypatch):
    """Records the parameters instead of executing anything; returns the list of what was run."""
    ran = []

    def write(path, folder, values, given, data=None, *_, **__):
        ran.append({name: values[name] for name in given})
        about = report.about_run(path, values, data) | {"seconds": 1.0, "finished": "2026-01-01 00:00:00+0000"}
        (folder / path.name).write_text("{}")
        (folder / f"{path.stem}.html").write_text("page")
        records = {"score": values["SEED"] / 4 + len(values.get("RECIPE", ""))}
        run_files.write(folder, about, records)
        return report.Report(folder, folder / path.name, folder / f"{path.stem}.html", records, about)

    monkeypatch.setattr(report, "write", write)
    return ran


# ---------------------------------------------------------------- the plan


def test_the_plan_is_the_product_of_the_grids_in_their_order(tmp_path):
    plan = sweep.plan(tiny(tmp_path / "a.ipynb"), {"rate": [1, 0.25], "SEED": [0, 1]}, {"name": "b"})
    assert [task.label for task in plan.tasks] == ["RATE=1.0 SEED=0", "RATE=1.0 SEED=1", "RATE=0.25 SEED=0", "RATE=0.25 SEED=1"]
    assert plan.tasks[2].values == {"SEED": 0, "RATE": 0.25, "NAME": "b", "FLAG": True, "SIZES": [1, 2]}
    assert plan.tasks[2].given == ("RATE", "SEED", "NAME")


WRONG = [
    (["--grid", "rat=1,2"], "has no parameter 'rat'. Did you mean RATE"),
    (["--grid", "seed=1,x"], "SEED must be a whole number"),
    (["--seeds", "0,1,1"], "SEED: 1 is given twice"),
    (["--grid", "rate=1,1.0"], "RATE: 1.0 is given twice"),
    (["--grid", "rate=1", "--grid", "RATE=2"], "RATE is given twice"),
    (["--seeds", "0", "--grid", "seed=1"], "seed is given twice"),
    (["--seeds", "0", "-p", "seed=1"], "SEED is given twice"),
    (["--seeds", "0", "-p", "SEED=1", "-p", "seed=2"], "SEED is given twice"),
    (["--seeds", "0,-1"], "SEED -1: use 0 or a greater"),
    (["--seeds", "0,"], "a value between two commas is missing"),
    (["--grid", "rate"], "write it as --grid key=value,value"),
    (["--grid", "name=[1"], "a list in JSON is expected"),
    (["--seeds", "0", "--jobs", "0"], "--jobs 0: use 1 or a greater"),
    (["--jobs", "2"], "add --grid or --seeds"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_mistakes_are_refused_before_the_first_run(tmp_path, runs, capsys, no_kernel, arguments, message):
    path = tiny(tmp_path / "99_tiny.ipynb")
    assert cli.main(["report", str(path), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert no_kernel == [] and not runs.exists()


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"recipe": ["aws-sims", "aws-simms"]}, "unknown recipe 'aws-simms'. Did you mean 'aws-sims'"),
        ({"recipe": ["aws-sims", "aws-item-affinity"]}, "aws-item-affinity does not"),
        ({"split": ["temporal", "temporary"]}, "unknown split 'temporary'"),
        ({"dataset": ["gift-shop", "gift-shopp"]}, "unknown data set 'gift-shopp'"),
    ],
)
def test_names_are_looked_up_before_the_first_run(tmp_path, shop, grid, message):
    with pytest.raises(InputError, match=message):
        sweep.plan(about_recipes(tmp_path / "a.ipynb"), grid, {} if "dataset" in grid else {"dataset": shop})


def test_words_that_mean_something_else_in_a_notebook_are_left_alone(tmp_path):
    parameters = ("SEED = 'rye'  # grain\nRECIPE = 'bread'  # dish\nSPLIT = 2  # parts", ["parameters"])
    plan = sweep.plan(write_notebook(tmp_path / "a.ipynb", ["# 99 Cooking", parameters]), {"recipe": ["cake"], "seed": ["oat"]})
    assert len(plan.tasks) == 1


def test_a_combination_that_the_data_cannot_feed_is_left_out_and_a_grid_of_only_those_refused(tmp_path, shop):
    path = about_recipes(tmp_path / "a.ipynb")
    plan = sweep.plan(path, {"recipe": ["aws-sims", "local-content-based"], "dataset": [shop]})
    assert [task.label for task in plan.tasks] == ["RECIPE=aws-sims DATASET=own-shop"]
    assert "has no data on items" in plan.left_out["RECIPE=local-content-based DATASET=own-shop"]
    with pytest.raises(InputError, match="no combination can run.*has no data on items"):
        sweep.plan(path, {"recipe": ["local-content-based"], "dataset": [shop]})


def test_values_with_commas_and_lists_are_written_as_json(tmp_path, runs, in_this_process, no_kernel):
    path = tiny(tmp_path / "99_tiny.ipynb")
    grids = ["--grid", 'name=["a, b","c"]', "--grid", "sizes=[[1],[2,3]]", "--grid", "flag=false"]
    assert cli.main(["report", str(path), *grids]) == 0
    assert [(run["NAME"], run["SIZES"], run["FLAG"]) for run in no_kernel] == [
        *(("a, b", [1], False), ("a, b", [2, 3], False), ("c", [1], False), ("c", [2, 3], False))
    ]


# ---------------------------------------------------------------- what counts as the same run


def test_the_same_sweep_again_runs_nothing_and_another_grid_only_what_is_new(tmp_path, runs, in_this_process, no_kernel):
    path, out = tiny(tmp_path / "99_tiny.ipynb"), tmp_path / "out"
    first = sweep.run(sweep.plan(path, {"SEED": [0, 1]}), out=out, say=no_words)
    again = sweep.run(sweep.plan(path, {"SEED": [0, 1]}), out=out, say=no_words)
    assert len(no_kernel) == 2 and [outcome.reused for outcome in again.outcomes] == [True, True]
    assert [o.records for o in first.outcomes] == [o.records for o in again.outcomes]
    sweep.run(sweep.plan(path, {"SEED": [0, 1, 2]}), out=out, say=no_words)
    assert no_kernel == [{"SEED": 0}, {"SEED": 1}, {"SEED": 2}]


def change_notebook(path, patch):
    tiny(path, "total = SEED + 2 * RATE")


def change_default(path, patch):
    path.write_text(path.read_text().replace("RATE = 0.5", "RATE = 0.75"))


def change_code(path, patch):
    patch.setattr("helpers.provenance.code_sha256", lambda: "other")


def change_version(path, patch):
    patch.setattr("helpers.provenance.versions", lambda: {"python": "3.99"})


def change_data(path, patch):
    patch.setattr("helpers.report.about_data", lambda data: {"dataset": data.name, "data_sha256": "other"})


@pytest.mark.parametrize("change", [change_notebook, change_default, change_code, change_version])
def test_after_a_change_everything_runs_anew_beside_the_old(tmp_path, runs, in_this_process, no_kernel, monkeypatch, change):
    path = tiny(tmp_path / "99_tiny.ipynb")
    sweep.run(sweep.plan(path, {"SEED": [0]}), say=no_words)
    change(path, monkeypatch)
    made = sweep.run(sweep.plan(path, {"SEED": [0]}), say=no_words)
    assert len(no_kernel) == 2 and not made.outcomes[0].reused and len(run_files.find(runs)) == 2


def test_other_data_under_the_same_name_are_another_run(tmp_path, runs, shop, in_this_process, no_kernel, monkeypatch):
    path = about_recipes(tmp_path / "a.ipynb")
    for _ in range(2):
        sweep.run(sweep.plan(path, {"DATASET": [shop]}), say=no_words)
    assert len(no_kernel) == 1
    change_data(path, monkeypatch)
    sweep.run(sweep.plan(path, {"DATASET": [shop]}), say=no_words)
    assert len(no_kernel) == 2


def test_outputs_stored_in_the_notebook_and_a_new_commit_change_nothing(tmp_path, runs, in_this_process, no_kernel, monkeypatch):
    path = tiny(tmp_path / "99_tiny.ipynb")
    sweep.run(sweep.plan(path, {"SEED": [0]}), say=no_words)
    stored = json.loads(path.read_text())
    stored["cells"][1] |= {"outputs": [], "execution_count": 3}
    path.write_text(json.dumps(stored))
    monkeypatch.setattr("helpers.provenance.commit", lambda: "another")
    sweep.run(sweep.plan(path, {"SEED": [0]}), say=no_words)
    assert len(no_kernel) == 1


@pytest.mark.parametrize("damage", ['{"records": ', "[]", "\xff"])
def test_a_corrupt_record_is_reported_and_run_again(tmp_path, runs, in_this_process, no_kernel, damage):
    path, lines = tiny(tmp_path / "99_tiny.ipynb"), []
    made = sweep.run(sweep.plan(path, {"SEED": [0]}), say=no_words)
    (made.outcomes[0].folder / "records.json").write_bytes(damage.encode("latin-1"))
    sweep.run(sweep.plan(path, {"SEED": [0]}), say=lines.append)
    assert len(no_kernel) == 2 and lines[0].startswith("ignored: ") and "records.json" in lines[0]


def no_words(line: str) -> None:
    """Say nothing."""


# ---------------------------------------------------------------- faults


def test_a_folder_with_something_else_is_refused_and_so_is_one_in_use(tmp_path, in_this_process, no_kernel):
    plan = sweep.plan(tiny(tmp_path / "99_tiny.ipynb"), {"SEED": [0]})
    with pytest.raises(InputError, match="holds something else than a sweep"):
        sweep.run(plan, out=tmp_path)
    with sweep._alone_in(tmp_path / "out"), pytest.raises(InputError, match="another process is working on the sweep"):
        sweep.run(plan, out=tmp_path / "out")
    assert no_kernel == []


def test_a_full_disk_is_one_line_and_leaves_nothing_that_counts(tmp_path, runs, in_this_process, no_kernel, monkeypatch, capsys):
    path, whole = tiny(tmp_path / "99_tiny.ipynb"), run_files.write

    def full(folder, about, records, prefix=""):
        if about["parameters"]["SEED"] == 1:
            (folder / "records.json").write_text('{"notebook"')
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "records.json"))
        whole(folder, about, records, prefix)

    monkeypatch.setattr(run_files, "write", full)
    arguments = ["report", str(path), "--seeds", "0,1,2", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "No space left on device" in error and "records.json" in error
    assert no_kernel == [{"SEED": 0}, {"SEED": 1}], "no other run could have been written"
    assert len(run_files.find(tmp_path / "out")) == 1 and not (tmp_path / "out" / "index.html").exists()
    monkeypatch.setattr(run_files, "write", whole)
    assert cli.main(arguments) == 0 and no_kernel[2:] == [{"SEED": 1}, {"SEED": 2}]


def test_an_unwritable_folder_is_one_line(tmp_path, monkeypatch, capsys):
    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    path = tiny(tmp_path / "99_tiny.ipynb")
    monkeypatch.setattr(Path, "mkdir", refuse)
    for more in ([], ["--seeds", "0,1"]):
        assert cli.main(["report", str(path), "--out", str(tmp_path / "out"), *more]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and str(tmp_path) in error and "Permission denied; no unfinished result" in error


# ---------------------------------------------------------------- real processes and kernels


STEPS = """
from pathlib import Path
import os, time
folder = Path({folder!r})
(folder / f"began-{{SEED}}-{{os.getpid()}}").touch()
while SEED == 1 and not (folder / "go-on").exists():
    time.sleep(0.05)
total = 1 / (SEED - 2)
"""


def begin(folder: Path, seeds: str) -> tuple[subprocess.Popen, Path]:
    """Start a sweep in a process of its own: seed 1 waits for a file, 2 fails; return when all but 1 are done."""
    path = tiny(folder / "99_tiny.ipynb", STEPS.format(folder=str(folder)))
    heed = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"  # background jobs ignore it
    code = f"if __name__ == '__main__':\n {heed}\n from helpers.__main__ import main\n sys.exit(main(sys.argv[1:]))"
    arguments = ["report", str(path), "--seeds", seeds, "--jobs", "2", "--out", str(folder / "out")]
    environment = os.environ | {"PYTHONPATH": str(notebooks.PROJECT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, start_new_session=True, **pipes)
    wait_for(lambda: run_files.find(folder) and list(folder.glob("began-1-*")))
    wait_for(lambda: "2" not in seeds or (folder / "out" / "failed").exists())
    return process, path


def wait_for(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def kernels(folder: Path) -> list[int]:
    return [int(path.name.split("-")[2]) for path in folder.glob("began-*")]


def all_ended(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_a_killed_sweep_ends_its_workers_and_goes_on_where_it_was(tmp_path):
    process, path = begin(tmp_path, "0,1,2")
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: all_ended(family))
    assert len(run_files.find(tmp_path / "out")) == 1 and not (tmp_path / "out" / "index.html").exists()
    before = len(kernels(tmp_path))
    (tmp_path / "go-on").touch()
    (finished,) = run_files.find(tmp_path / "out")
    stamp, lines = finished.stat().st_mtime_ns, []
    made = sweep.run(sweep.plan(path, {"SEED": [0, 1, 2]}), out=tmp_path / "out", say=lines.append)
    assert [outcome.reused for outcome in made.outcomes] == [True, False, False] and finished.stat().st_mtime_ns == stamp
    assert len(kernels(tmp_path)) - before == 2, "the finished run was not run again"
    assert [outcome.records.get("total") for outcome in made.outcomes] == [-0.5, -1.0, None]
    assert "ZeroDivisionError" in made.failed[0].error and made.failed[0].page.name == "99_tiny.ipynb"
    assert sorted(entry.name[:6] for entry in made.folder.iterdir()) == [
        ".lock",
        "SEED=0",
        "SEED=1",
        "failed",
        "index.",
        "sweep.",
    ]
    check_index(made)


def check_index(made: sweep.Sweep) -> None:
    """The page opens offline, its links lead somewhere, and it tells of the runs and of the failure."""
    text = (made.folder / "index.html").read_text(encoding="utf-8")
    assert pages.references(text) == [] and "<script" not in text
    links = [part.split('"')[0] for part in text.split('href="')[1:] if not part.startswith("#")]
    assert len(links) == 3 and all((made.folder / link).is_file() for link in links)
    assert "2 of 3 runs" in text and "ZeroDivisionError" in text and '<th scope="col">total</th>' in text
    assert 'alt="Bars of total, mean over seeds: all runs -0.7500."' in text


def test_an_interrupt_stops_the_workers_and_their_kernels(tmp_path):
    process, _ = begin(tmp_path, "0,1")
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3, "two workers and a kernel"
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.decode().splitlines()[-1].startswith("error: interrupted; ")
    wait_for(lambda: all_ended(family), seconds=10)
    assert len(run_files.find(tmp_path / "out")) == 1
    assert [path for path in (tmp_path / "out").glob(".*") if path.is_dir()] == []


def die(number: int) -> int:
    """Kill this very process on task 1, else answer."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10


def test_a_worker_that_dies_costs_its_task_only():
    answers = dict(workers.run_each(die, [0, 1, 2, 3], jobs=2))
    assert {number: answer for number, answer in answers.items() if number != 1} == {0: 0, 2: 20, 3: 30}
    assert isinstance(answers[1], workers.Lost) and "killed by SIGKILL: out of memory?" in answers[1].reason


def test_no_second_task_starts_while_memory_is_short(monkeypatch):
    monkeypatch.setattr(workers, "RESERVE_MB", 10**9)
    at_once = []

    class Worker:
        def __init__(self, work):
            self.task = None

    monkeypatch.setattr(workers, "_Worker", Worker)
    Worker.pipe = type("Pipe", (), {"send": lambda self, task: at_once.append(task)})()
    waiting = [(1, "b"), (0, "a")]
    crew: list = []
    workers._hand_out(die, waiting, crew, 2, workers.RESERVE_MB)
    assert at_once == ["a"] and waiting == [(1, "b")]
