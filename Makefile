# Every command a person or CI types. All of them set up .venv by themselves.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

setup: $(VENV)/installed ## Make .venv with the pinned requirements

$(VENV)/installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.10 to 3.13 is needed: install one, or call make PYTHON=/path/to/python"; exit 2; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version), once: a minute or two"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

run: setup ## Generated traffic through the pipeline into a simulated Iterable
	@$(BIN)/python -m pipeline.sandbox

bench: setup ## Speed and memory, measured: minutes
	@$(BIN)/python -m pipeline.sandbox.bench

soak: setup ## Many seeds of traffic into a chaotic Iterable: minutes
	@$(BIN)/python -m pipeline.sandbox.soak

test: setup ## All tests, the fast ones first
	@$(BIN)/python -m pytest -q -n 2 -m "not slow"
	@$(BIN)/python -m pytest -q -n 3 -m slow

check: format-check lint types test ## All that CI runs

format: setup ## Format the code
	@$(BIN)/ruff format .

format-check: setup
	@$(BIN)/ruff format --check .

lint: setup ## Lint the code
	@$(BIN)/ruff check .

types: setup ## Check the types
	@$(BIN)/mypy

schema: setup ## Write the config's JSON Schema anew
	@$(BIN)/python -m pipeline.config --schema > configs/sync.schema.json

docs: setup ## Write docs/reasons.md anew
	@$(BIN)/python -m pipeline.reports.reasons_page > docs/reasons.md

lock: setup ## Pin the newest allowed requirements, with hashes
	@$(BIN)/uv pip compile $(LOCK) setup.py --output-file requirements.txt
	@$(BIN)/uv pip compile $(LOCK) setup.py --extra sandbox --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt

LOCK := --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-annotate --no-header

clean: ## Remove .venv, caches and what `make run` left
	@rm -rf $(VENV) .run build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: setup run bench soak test check format format-check lint types schema docs lock clean help
