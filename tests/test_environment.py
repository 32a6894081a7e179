"""One source of versions: the lock. Everything else that names packages must agree with it."""

import os
import re
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
LINES = [
    line for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
]
LOCK = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


def test_the_lock_pins_each_package_once_and_exactly():
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in LINES), "no ranges, hashes or local tags"
    assert len(LOCK) == len(LINES)


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
    direct = {canonicalize_name(requirement.name) for requirement in DIRECT}
    for path in (ROOT / "helpers").rglob("*.py"):
        for found in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            if found in sys.stdlib_module_names or found == "helpers":
                continue
            assert canonicalize_name(names.get(found, found)) in direct, f"{path.name} imports {found}"
