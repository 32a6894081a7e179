# Every target first builds the environment from requirements.lock, once. `make` alone lists the targets.
# EXTRAS adds optional parts from their own locks, at any time: `make test EXTRAS=spark` installs requirements-spark.lock too.

PYTHON ?= python3
VENV ?= .venv
DATASET ?= gift-shop
PIP_FLAGS ?=
EXTRAS ?=
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)
BUILT := $(VENV)/.built $(EXTRAS:%=$(VENV)/.built-%)

# One thread a process: the same digits on every machine, and two workers do not fight for two cores.
course test lab report outputs: export OMP_NUM_THREADS = 1
course test lab report outputs: export OPENBLAS_NUM_THREADS = 1
course test lab report outputs: export MKL_NUM_THREADS = 1
course test lab report outputs: export NUMBA_NUM_THREADS = 1
# The same kernels on every x86-64 CPU, or a notebook's last digits change with the machine: see helpers/same_digits.py.
ifeq ($(shell uname -m),x86_64)
course test lab report outputs: export OPENBLAS_CORETYPE = Haswell
course test lab report outputs: export NPY_DISABLE_CPU_FEATURES = X86_V4 AVX512_ICL AVX512_SPR
course test lab report outputs: export ATEN_CPU_CAPABILITY = avx2
course test lab report outputs: export MKL_CBWR = COMPATIBLE
endif

.DEFAULT_GOAL := help
.PHONY: help .venv course test lab report outputs bench

help: ## list the targets
	@sed -n 's/^\([.a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  make %-9s %s\n", $$1, $$2 }'

.venv: $(BUILT) ## build the environment from requirements.lock (about 2 minutes, once)

course: $(BUILT) ## run every notebook and write one HTML index and a leaderboard: make course DATASET=online-retail
	$(PY) -m helpers course --dataset "$(DATASET)"

test: $(BUILT) ## run all tests, then every notebook against its stored outputs
	@status=0; \
	$(PY) -m pytest -n 2 --dist loadfile tests || status=1; \
	$(PY) -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=120 notebooks || status=1; \
	exit $$status

lab: $(BUILT) ## open JupyterLab at the first notebook
	$(PY) -m jupyterlab notebooks/00_start_here.ipynb

report: $(BUILT) ## make one report: make report NOTEBOOK=notebooks/reports/recipe_report.ipynb ARGS="-p SEED=1"
	$(PY) -m helpers report "$(NOTEBOOK)" $(ARGS)

outputs: $(BUILT) ## execute the committed notebooks again, in place
	$(PY) -m helpers outputs

bench: $(BUILT) ## run the benchmarks, one after the other (hours; each can be run alone)
	@for file in benchmarks/*.py; do echo "== $$file"; $(PY) "$$file" || exit 1; done

# The stamp is written last, and --clear removes it first: a half-built environment never counts.
$(VENV)/.built: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear "$(VENV)"
	$(PIP) --requirement requirements.lock
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "project.pth").write_text(f"{pathlib.Path.cwd()}\n")'
	@touch "$@"

# An extra has a stamp of its own, so one that is asked for later is added to the environment that is there.
$(VENV)/.built-%: requirements-%.lock $(VENV)/.built
	$(PIP) --requirement "$<"
	@touch "$@"
