# The one door for people and CI. `make demo` and `make test` set up what they need.
SHELL := bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo bench test test-heavy check system clean airflow test-airflow

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): requirements/all.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/all.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

setup: $(STAMP) ## a virtual environment with pinned packages and this one

system: ## Debian's PostgreSQL, for the tests that run on it
	scripts/install-system-packages

demo: $(STAMP) ## simulate a region and carry it through every stage
	$(BIN)/passerelle demo --persons 2000 --seed 7 --out var/demo

check: $(STAMP) ## format, lint, types, import rules, contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/passerelle lint
	$(BIN)/passerelle test --coverage

test: $(STAMP) system check ## everything that must hold
	$(BIN)/pytest -n 2 --dist loadfile -m "not heavy and not airflow"

test-heavy: $(STAMP) system ## the long suites
	$(BIN)/pytest -m heavy

airflow: $(STAMP) ## Airflow over a simulated region, on 127.0.0.1, until Ctrl-C
	$(BIN)/python scripts/airflow_standalone.py --out var/airflow

test-airflow: $(STAMP) ## Airflow against the command line, on the same region; at most 8 minutes
	$(BIN)/pytest -m airflow -s tests/airflow

bench: $(STAMP) ## how fast it is, beside named peers
	nice $(BIN)/python benchmarks/check.py
	nice $(BIN)/python benchmarks/spine.py
	nice $(BIN)/python benchmarks/scale.py

clean: ## what make wrote
	rm -rf $(VENV) var
