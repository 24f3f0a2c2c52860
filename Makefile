# Everything starts here. A fresh machine needs Python 3.11 or newer and make; the rest is installed into .venv.
#
#   make demo                       run the quickstart, print the verdict and where the report lies
#   make demo-loop                  serve it, let its traffic drift, watch it find that and improve
#   make test                       install what tests need and run them
#   make PYTHON=python3.12 demo     with another Python
#   make TORCH_PIP_ARGS="--index-url https://download.pytorch.org/whl/cpu" demo
#                                   with the small CPU build of torch (on Linux, PyPI's own build carries gigabytes of CUDA)

PYTHON ?= python3
TORCH_PIP_ARGS ?=
BENCHMARKS ?= startup train-cpu

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' constraints.txt)
# where llama.cpp is built, from source
LLAMA := .cache/llama-cpp

# without compiled bytecode every start takes seconds longer
unexport PYTHONDONTWRITEBYTECODE
# some packages ship files for other versions of Python, which cannot be compiled
COMPILE := $(BIN)/python -m compileall -q $(VENV)/lib src >/dev/null 2>&1 || true
# where there is no C++ compiler, torch computes what the kernels would
KERNELS := $(BIN)/python -c "from tunesmith.model.kernels.native import library; library()"

.DEFAULT_GOAL := help
.PHONY: help demo demo-loop unit test slow test-gguf check format reference bench clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1	\2/p' Makefile | expand -t 12

demo: $(VENV)/.installed ## install, run the quickstart, print the verdict and the report's path
	$(BIN)/tunesmith run recipes/quickstart.yaml

# one thread: where others use the machine too, two that wait for each other take many times as long
demo-loop: $(VENV)/.installed ## serve the quickstart, let its traffic drift, watch, improve, promote, roll back
	OMP_NUM_THREADS=1 $(BIN)/python -m examples.demo_loop.loop

unit: $(VENV)/.installed-dev ## the quick tests, under a minute
	$(BIN)/pytest tests/unit -m "not slow and not thorough" -n 2 --dist worksteal

test: $(VENV)/.installed-dev ## every test but the slow ones
	$(BIN)/pytest -m "not slow" -n 2 --dist worksteal

slow: $(VENV)/.installed-dev ## the tests that take minutes
	$(BIN)/pytest -m slow --timeout 3600

test-gguf: $(VENV)/.installed-dev $(LLAMA)/.installed ## GGUF files in llama.cpp, which it builds: many minutes
	$(BIN)/pytest tests/e2e/test_gguf_llama_cpp.py -m slow --timeout 3600

check: $(VENV)/.installed-dev ## format, lint, types, import ladder, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(VENV)/.installed-dev ## rewrite the sources as `check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(VENV)/.installed-dev ## rewrite the generated pages under docs/
	$(BIN)/python -m tools.make_reference

bench: $(VENV)/.installed-dev ## the benchmarks; choose with BENCHMARKS="startup"
	set -e; for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.run $$name; done

clean: ## remove .venv and caches; runs/ and artifacts/ are yours and stay
	rm -rf $(VENV) dist .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tunesmith needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

# torch first and alone, so that the build offered by the pip configuration or TORCH_PIP_ARGS is the one that stays
$(VENV)/.torch: constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes minutes."
	$(PIP) $(TORCH_PIP_ARGS) $(TORCH)
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(PIP) -c constraints.txt -e .
	@$(COMPILE)
	@$(KERNELS)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.torch pyproject.toml
	$(PIP) -c constraints.txt -e ".[dev]"
	@$(COMPILE)
	@$(KERNELS)
	@touch $(VENV)/.installed $@

$(LLAMA)/.installed:
	$(PYTHON) -m venv $(LLAMA)
	$(LLAMA)/bin/python -m pip install --quiet llama-cpp-python==0.3.36
	@touch $@
