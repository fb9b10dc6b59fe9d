.DEFAULT_GOAL := help
.PHONY: help setup install installed ready extract train report demo bench bench-gpu lint type test test-browser test-slow test-gpu test-oldest test-coverage test-damage test-hostile crashtest check clean

# The first interpreter on the path that is new enough; an active environment comes first.
PYTHON ?= $(shell for p in python python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)
# Packages are installed into the active environment, or into the interpreter `python` if
# its system allows that. Otherwise they are installed into .venv, which cli.py finds.
PRIVATE := $(shell [ -n "$$VIRTUAL_ENV$$CONDA_PREFIX" ] || { [ "$(PYTHON)" = python ] && \
	$(PYTHON) -c 'import pathlib, sys, sysconfig; sys.exit((pathlib.Path( \
	sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists())'; } || echo yes)
RUN := $(if $(PRIVATE),.venv/bin/python,$(PYTHON))

CORPUS ?=
ROOT ?=
AUDIO ?=
TEXT ?=
FUSION ?= early
OPTIONS ?=
KILLS ?= 200
DAMAGES ?= 300
REPLICATES ?= 2000
SEED ?= 0
# Tests of forged files. `make test` executes all of them except most forged runs.
HOSTILE := tests/test_hostile_runs.py tests/extract/checkpoints/test_hostile_checkpoints.py \
	tests/data/cache/test_hostile_caches.py tests/test_irregular_files.py
# Number of test processes; the machines of continuous integration have two cores.
WORKERS ?= 2

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: PACKAGE := .
install:  ## Install what the program needs, in the versions of constraints.txt
setup: PACKAGE := .[dev]
setup:  ## Install the development tools too
install setup:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer not found; install it first"; exit 1; }
	@[ -z "$(PRIVATE)" ] || [ -x .venv/bin/pip ] || $(PYTHON) -m venv --clear .venv || { \
	echo "$(PYTHON) cannot make an environment; on Debian or Ubuntu type first:" \
	"apt-get install python3-venv"; exit 1; }
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '$(PACKAGE)'
	@command -v python >/dev/null || \
	echo "this shell has no command 'python': type python3 in its place"

# `make test-oldest` uses the oldest Python of setup.cfg, because old packages have no
# wheels for most others.
OLDEST = $(shell for p in "$(PYTHON)" python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)

# Install packages only if one is missing.
installed:
	@[ -n "$(PYTHON)" ] && $(RUN) cli.py --help >/dev/null 2>&1 \
	|| $(MAKE) --no-print-directory install

# Modules that tests and linters need in addition to those of the program.
TOOLS := accelerate audmetric av distributed jinja2 matplotlib mypy onnx onnxruntime onnxscript peft pytest ruff xdist

ready:
	@[ -n "$(PYTHON)" ] && $(RUN) cli.py --help >/dev/null 2>&1 \
	&& $(RUN) -c 'import sys; from importlib.util import find_spec; \
	sys.exit(None in map(find_spec, sys.argv[1:]))' $(TOOLS) \
	|| $(MAKE) --no-print-directory setup

# Without CORPUS, the synthetic corpus demo is encoded with the small bundled encoders.
ifeq ($(CORPUS),)
extract: AUDIO := $(or $(AUDIO),mini)
extract: TEXT := $(or $(TEXT),mini)
endif
extract: installed  ## Encode a corpus: CORPUS=iemocap ROOT=/path [AUDIO=... TEXT=... OPTIONS=...]
ifeq ($(CORPUS),)
	$(RUN) cli.py extract demo --modality audio --encoder acoustic
endif
	$(RUN) cli.py extract $(or $(CORPUS),demo) $(if $(ROOT),"$(ROOT)") \
	$(if $(AUDIO),--audio-checkpoint "$(AUDIO)") \
	$(if $(TEXT),--text-checkpoint "$(TEXT)") $(OPTIONS)

train: installed  ## Train designs: FUSION=early, late, ... or all [OPTIONS=...]
	$(RUN) cli.py train --fusion $(FUSION) $(OPTIONS)

report: installed  ## Print the CCC table
	$(RUN) cli.py report $(OPTIONS)

demo: installed  ## Extract, train and report on the demo corpus: five designs, three seeds
	$(RUN) cli.py extract demo --modality audio --encoder acoustic
	$(RUN) cli.py extract demo --audio-checkpoint mini --text-checkpoint mini
	$(RUN) cli.py train --corpus demo --seeds 3 \
	--fusion ridge --fusion audio --fusion text --fusion early --fusion late
	$(RUN) cli.py report --corpus demo

bench: installed  ## Measure the speed of both stages, and compare with other methods
	$(RUN) cli.py bench extract $(OPTIONS)
	$(RUN) cli.py bench extract --modality text $(OPTIONS)
	$(RUN) cli.py bench train

bench-gpu: installed  ## Measure everything on a GPU in one go, into bench-gpu.json
	$(RUN) cli.py bench gpu $(OPTIONS)

lint: ready  ## Check style and formatting (pyproject.toml)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# mypy finds the package affuse by a link to this folder.
type: ready  ## Check static types (setup.cfg, [mypy])
	@mkdir -p build/import && ln -sfn ../.. build/import/affuse
	MYPYPATH=build/import $(RUN) -m mypy

test: ready  ## Run tests and docstring examples that need no GPU, download or long wait
	$(RUN) -m pytest -q -n $(WORKERS) --dist loadfile -m "not gpu and not slow and not browser"

# Playwright drives the system's Chromium. AFFUSE_SCREENSHOTS names the folder of pictures.
test-browser: ready  ## Run the tests that need Chromium and the extra serve
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; } \
	|| { echo "please install: chromium"; exit 1; }
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[serve]' \
	axe-playwright-python playwright
	$(RUN) -m pytest -q tests/browser tests/extract/inference/serving

test-slow: ready  ## Run the tests that take longer
	$(RUN) -m pytest -q -m slow

test-gpu: ready  ## Run the tests that need a CUDA device
	$(RUN) -m pytest -q -m gpu

# The oldest PyTorch includes the CUDA libraries: a download of 3 GB, and 8 GB on disk. On
# two busy cores (load 8), the first call installed for five minutes and tested for 21;
# later calls take as long as `make test`. Style and types are checked with the versions
# of constraints.txt only.
test-oldest:  ## Run the tests with the oldest versions of setup.cfg, in .venv-oldest
	@[ -n "$(OLDEST)" ] || { echo "Python 3.11, the oldest that setup.cfg allows," \
	"not found; install it first"; exit 1; }
	@[ -x .venv-oldest/bin/pip ] || $(OLDEST) -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --editable '.[dev]' \
	--constraint .constraints-oldest.txt
	.venv-oldest/bin/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not gpu and not slow and not browser"

test-hostile: ready  ## Run all tests of forged runs, checkpoints, caches and files
	AFFUSE_HOSTILE=all $(RUN) -m pytest -q $(HOSTILE) -o log_cli=true \
	-o log_cli_level=INFO -o log_cli_format="%(message)s"

crashtest: ready  ## Kill stage one at 200 random moments, or KILLS=..., and resume it
	AFFUSE_KILLS=$(KILLS) $(RUN) -m pytest -q -k killed tests/extract/caching/test_killed_extraction.py \
	-o log_cli=true -o log_cli_level=INFO -o log_cli_format="%(message)s"

test-damage: ready  ## Damage files of a cache and runs at random: DAMAGES=300 SEED=0
	AFFUSE_DAMAGES=$(DAMAGES) AFFUSE_SEED=$(SEED) $(RUN) -m pytest -q \
	tests/test_damaged_files.py -o log_cli=true -o log_cli_level=INFO \
	-o log_cli_format="%(message)s"

test-coverage: ready  ## Simulate the coverage of 95 % intervals: REPLICATES=2000 SEED=0
	AFFUSE_REPLICATES=$(REPLICATES) AFFUSE_SEED=$(SEED) $(RUN) -m pytest -q -n $(WORKERS) \
	tests/fuse/scoring/test_interval_coverage.py -o log_cli=true -o log_cli_level=INFO \
	-o log_cli_format="%(message)s"

check: lint type test  ## Run everything that must pass before a commit

clean:  ## Remove files of tests and builds; keep caches and runs
	rm -rf out .pytest_cache .mypy_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
