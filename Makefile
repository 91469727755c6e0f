# Every command a person or CI types. All of them set up .venv by themselves.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3.10 python3; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

unexport PYTHONDONTWRITEBYTECODE # or each of a hundred processes would compile all of ours

setup: $(VENV)/installed ## Make .venv with the pinned requirements and the command a2i

$(VENV)/installed: requirements-dev.txt setup.py
	@test -n "$(PYTHON)" || { echo "Python 3.10 to 3.14 is needed: install one, or call make PYTHON=/path/to/python"; exit 2; }
	@test ! -L $(VENV) || { echo "$(VENV) is a link, and setting up would empty what it names: remove it"; exit 2; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version), once: a minute or two"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements-dev.txt
	@# On every core, which pip does not, and without tests and what Beam has for machine learning: nobody imports those here.
	@$(BIN)/python -m compileall -qq -j 0 -x '/(google/cloud/aiplatform|vertexai|agentplatform|tests/)|_test[.]py' $(VENV)/lib || true
	@# A path, not the import hook: that finds here what another installation of the package lacks.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-index --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

run: setup ## Generated traffic through the pipeline into a simulated Iterable
	@$(BIN)/python -m pipeline.sandbox

bench: setup ## Speed and memory against their targets, measured: minutes
	@$(BIN)/python -m pipeline.sandbox.bench

soak: setup ## Many seeds of traffic into a chaotic Iterable: minutes
	@$(BIN)/python -m pipeline.sandbox.soak

test: setup ## All tests, the fast ones first
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow"
	@# Four at once keep a small machine too busy for some: what fails among them is tried once more, alone.
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal $(SLOW) || $(BIN)/python -m pytest -q $(SLOW) --last-failed --last-failed-no-failures=none

# No other file is looked at: to import all of them takes longer than some tests, four times.
SLOW = -m slow $$(grep -rlw --include='test_*.py' mark.slow tests)

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

pictures: setup ## Draw the README's picture anew
	@$(BIN)/python -m tests.pictures

metadata: setup ## Write the flex template's metadata.json anew
	@$(BIN)/python -m pipeline.dataflow metadata > configs/flex_template/metadata.json

graph-lock: setup ## Write the streaming job's graph lock anew: see docs/dataflow.md before an update
	@$(BIN)/python -m pipeline.dataflow graph > configs/flex_template/graph_lock.json

# For Dataflow: the variables are those of docs/dataflow.md, in the environment or on make's command line.
TEMPLATE = gs://$(BUCKET)/templates/amplitude-to-iterable.json
JOB ?= amplitude-to-iterable
LAUNCH_NEEDS := $(addprefix needs-,PROJECT REGION BUCKET IMAGE CONFIG SUBSCRIPTION DEAD_LETTER_TOPIC SERVICE_ACCOUNT)
FLEX_RUN = gcloud dataflow flex-template run $(JOB) --project=$(PROJECT) --region=$(REGION) \
	--template-file-gcs-location=$(TEMPLATE) --service-account-email=$(SERVICE_ACCOUNT) \
	--staging-location=gs://$(BUCKET)/staging --temp-location=gs://$(BUCKET)/temp \
	--enable-streaming-engine --num-workers=1 --max-workers=$(or $(MAX_WORKERS),3) \
	--worker-machine-type=$(or $(MACHINE_TYPE),n2-standard-2) \
	--parameters=config=$(CONFIG),input_subscription=$(SUBSCRIPTION),dead_letter_topic=$(DEAD_LETTER_TOPIC),sdk_container_image=$(IMAGE)

image: needs-IMAGE ## Build and push the image of launcher and workers
	docker build --target dataflow --tag $(IMAGE) .
	docker push $(IMAGE)

image-test: setup ## Build the image on a new Debian, pip install and all, and launch from inside: minutes, as root
	@IMAGE_TEST=full $(BIN)/python -m pytest -q tests/end_to_end/test_image.py

template: setup needs-IMAGE needs-BUCKET ## Put the flex template into the bucket
	@$(BIN)/python -m pipeline.dataflow template $(IMAGE) | gcloud storage cp - $(TEMPLATE)

launch: $(LAUNCH_NEEDS) ## Launch the flex template
	$(FLEX_RUN)

update: setup $(LAUNCH_NEEDS) ## Replace the running job by this version, if its state can be kept; RUNNING=its git revision
	@test -n "$(RUNNING)" || { echo "make update needs RUNNING, the git revision that the job runs from"; exit 2; }
	@git show $(RUNNING):configs/flex_template/graph_lock.json > .running_graph_lock.json
	@$(BIN)/python -m pipeline.dataflow compare .running_graph_lock.json || { test $$? -eq 1 && test -n "$(MAPPING)"; }
	$(FLEX_RUN) --update $(if $(MAPPING),--transform-name-mappings='$(MAPPING)')

drain: needs-PROJECT needs-REGION needs-JOB_ID ## Let the running job settle what it holds, and end
	gcloud dataflow jobs drain $(JOB_ID) --project=$(PROJECT) --region=$(REGION)

needs-%:
	@test -n "$($*)" || { echo "$* is not set: see docs/dataflow.md"; exit 2; }

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

.PHONY: setup run bench soak test check format format-check lint types schema docs pictures metadata graph-lock image image-test template launch update \
	drain lock clean help
