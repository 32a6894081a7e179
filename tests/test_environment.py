"""One source of versions: the lock. Everything else that names packages must agree with it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from threadpoolctl import threadpool_info

from helpers import same_digits

ROOT = Path(__file__).resolve().parents[1]


def pins(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def versions_in(path: Path) -> dict[str, str]:
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in pins(path)}


BASE = ROOT / "requirements.lock"
EXTRA_LOCKS = sorted(ROOT.glob("requirements-*.lock"))
LOCK = versions_in(BASE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
name_of = {"ids": lambda path: path.name}


@pytest.mark.parametrize("path", [BASE, *EXTRA_LOCKS], **name_of)
def test_a_lock_pins_each_package_once_and_exactly(path):
    lines = pins(path)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines), "no ranges, hashes or local tags"
    assert len(versions_in(path)) == len(lines)


@pytest.mark.parametrize("path", EXTRA_LOCKS, **name_of)
def test_the_lock_of_an_extra_meets_its_bounds_and_changes_nothing_else(path):
    """It is installed over requirements.lock, so it may add packages, but never move one."""
    extra, together = versions_in(path), dict(LOCK)
    for text in PROJECT["optional-dependencies"][path.stem.removeprefix("requirements-")]:
        requirement = Requirement(text)
        (bound,) = requirement.specifier
        assert bound.operator == ">=" and requirement.specifier.contains(extra[canonicalize_name(requirement.name)])
    for other in EXTRA_LOCKS:
        for name, pinned in versions_in(other).items():
            assert together.setdefault(name, pinned) == pinned, f"{other.name} and another lock disagree about {name}"


def test_ci_builds_with_an_extra_that_has_a_lock():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^export EXTRAS=[\"']?([\w -]+?)[\"']?(?: #.*)?$", script, re.M)
    assert extras.split() and all((ROOT / f"requirements-{extra}.lock").is_file() for extra in extras.split())


def test_make_adds_an_extra_that_is_asked_for_later(tmp_path):
    """With the environment built, only the extra's own lock is installed; built too, nothing is."""
    if shutil.which("make") is None:
        pytest.skip("make is not on this machine")

    def dry_run() -> str:
        command = ["make", "--dry-run", ".venv", "EXTRAS=spark", f"VENV={tmp_path}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "--requirement requirements.lock" in dry_run()
    (tmp_path / ".built").touch()
    assert "requirements.lock" not in dry_run() and 'requirements-spark.lock"' in dry_run()
    (tmp_path / ".built-spark").touch()
    assert "pip install" not in dry_run()


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_every_direct_dependency_has_a_lower_bound_that_the_lock_meets(requirement):
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)])


def test_environment_yml_installs_the_lock_and_nothing_else():
    about = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = about["dependencies"]
    assert [re.split("[<>=]", text)[0] for text in conda] == ["python", "pip"]
    assert pip == {"pip": ["--requirement requirements.lock", "--editable ."]}


def test_all_files_ask_for_the_same_python():
    about = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    asked = SpecifierSet(about["dependencies"][0].removeprefix("python"))
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert f">={lowest}" in str(asked)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"sys.version_info >= ({lowest.replace('.', ', ')})" in makefile


def test_this_environment_is_the_locked_one():
    if Path(sys.prefix).parent != ROOT:
        pytest.skip("not running in the environment that make builds")
    different = {}
    for name, pinned in LOCK.items():
        try:
            installed = version(name).split("+")[0]
        except PackageNotFoundError:
            installed = "missing"
        if installed != pinned:
            different[name] = (pinned, installed)
    assert not different, "locked and installed versions differ; run make .venv"


def test_make_and_the_notebook_runner_set_the_same_variables():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    plain, x86_64 = re.fullmatch(r"(.*)^ifeq \(\$\(shell uname -m\),x86_64\)$(.*)^endif$.*", makefile, re.M | re.S).groups()
    for lines, wanted in ((plain, same_digits.ONE_THREAD), (x86_64, same_digits.X86_64_KERNELS)):
        assert dict(re.findall(r"^course test lab report outputs: export (\w+) = (.+)$", lines, re.M)) == wanted


@pytest.mark.skipif(not same_digits.X86_64_KERNELS.items() <= same_digits.VARIABLES.items(), reason="not an x86-64 machine")
def test_the_libraries_take_the_kernels_they_are_told_to():
    """A misspelt variable is ignored silently; so ask the libraries."""
    torch = pytest.importorskip("torch")
    blas = [library for library in threadpool_info() if library["internal_api"] == "openblas"]
    assert blas and {(library["architecture"], library["num_threads"]) for library in blas} == {("Haswell", 1)}
    assert not any(np._core._multiarray_umath.__cpu_features__[name] for name in os.environ["NPY_DISABLE_CPU_FEATURES"].split())
    assert torch.backends.cpu.get_cpu_capability() == "AVX2"
    assert torch.get_num_threads() == 1


def test_every_package_that_the_code_imports_is_a_direct_dependency():
    """Nothing may work only because some other package happens to bring it along."""
    names = {"sklearn": "scikit-learn", "surprise": "scikit-surprise", "PIL": "matplotlib"}
    jupyter = ("nbformat", "nbconvert", "jupyter_client", "traitlets", "IPython", "bs4", "pygments", "jinja2")
    names |= dict.fromkeys(jupyter, "jupyterlab")  # parts of one project, installed together
    optional = [Requirement(text) for extra in PROJECT["optional-dependencies"].values() for text in extra]
    direct = {canonicalize_name(requirement.name) for requirement in DIRECT + optional}
    for path in (ROOT / "helpers").rglob("*.py"):
        for found in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            if found in sys.stdlib_module_names or found == "helpers":
                continue
            assert canonicalize_name(names.get(found, found)) in direct, f"{path.name} imports {found}"
