# Every common command. `make help` lists them. Needs GNU make, Python 3.11 or newer, and the network only for pip.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# Set PYTHON to choose the interpreter that makes the virtual environment.
PYTHON ?=
# What `make up` runs with, for example: make up UP="--http-address 127.0.0.1:9090"
UP ?=
# What `make test` runs, for example: make test TESTS=tests/unit
TESTS ?=
# In how many processes: most tests wait more than they work. A file's tests stay together.
JOBS ?= 2
# How `make faults` and `make fuzz` run, for example: make faults SECONDS=60 SEED=7 DATABASE=postgresql
SECONDS ?= 600
SEED ?= 1
DATABASE ?= sqlite

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.ready ## Make the virtual environment with everything a developer needs; quick when nothing changed

# A venv half made, or of a Python that is gone, is made anew.
$(VENV)/.ready: pyproject.toml tools/find-python
	@$(BIN)/python -c '' 2>/dev/null || { python=$$(PYTHON='$(PYTHON)' sh tools/find-python) && "$$python" -m venv --clear $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,postgres,tracker,dev]'
	@touch $@

.PHONY: demo
demo: setup ## Start the whole service and do the main job on real input
	@$(BIN)/python examples/demo.py

.PHONY: up
up: setup ## Run the whole service on this machine, with its data in .task-manager
	@exec $(BIN)/task-server up $(UP)

.PHONY: test
test: setup ## Run all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(TESTS)

.PHONY: faults
faults: setup ## Kill, freeze, flush and lock everything under load for SECONDS, and check that nothing was lost or ended twice
	$(BIN)/python -m tests.faults --seconds $(SECONDS) --seed $(SEED) --database $(DATABASE)

.PHONY: fuzz
fuzz: setup ## Give every parser, RPC and REST route random input for SECONDS, and check that nothing broke, hung or grew
	FUZZ_EXAMPLES=3000 $(BIN)/python -m pytest --timeout 1200 tests/fuzz/test_fuzz_parsers.py
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

.PHONY: check
check: setup ## Check style, types, import directions, the protos and the stubs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tools
	MYPYPATH=examples $(BIN)/mypy --strict examples
	$(BIN)/lint-imports
	$(BIN)/python tools/contract.py check

.PHONY: bench
bench: setup ## Measure the speed as ratios to raw Celery and an empty gRPC call, in under three minutes
	$(BIN)/python -m benchmarks

.PHONY: format
format: setup ## Mend what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: proto
proto: setup ## Format and lint the protos and generate the stubs
	$(BIN)/python tools/contract.py proto

.PHONY: release-contract
release-contract: setup ## Record the protos as what clients are generated from, unless that breaks the last ones
	$(BIN)/python tools/contract.py release

.PHONY: clean
clean: ## Remove the virtual environment and everything generated that git ignores; data in .task-manager stays
	rm -rf $(VENV) .buf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find clients examples server tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
