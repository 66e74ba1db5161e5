# `make` lists what there is. Everything else sets itself up: no other step is needed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DOCS   := $(VENV)/.docs-installed

# Without compiled modules every process would compile its imports anew, which takes longer than most of the work.
unexport PYTHONDONTWRITEBYTECODE

# No vendor may phone home.
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export MLFLOW_DISABLE_TELEMETRY = true
export DVC_NO_ANALYTICS = 1
export GX_ANALYTICS_ENABLED = false

.DEFAULT_GOAL := help
.PHONY: help install demo down reproduce test test-unit coverage lint format docs tutorial release-check bench-loop bench-reliability bench-transfer bench-monitor bench-pretraining bench-house bench-deliveries bench-serving constraints clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Set up .venv with the exact versions of constraints.txt (the other targets do it by themselves)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@# --no-compile: Python compiles what it imports; compiling 2 GB beforehand costs a minute.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP) ## Play the whole story on real digits with the real components; ends with links
	$(BIN)/lepton demo

down: $(STAMP) ## Stop the servers that the demo left running
	$(BIN)/lepton --workspace .lepton/demo down

reproduce: $(STAMP) ## Rebuild the demo's champion from the registry alone and compare it bit for bit
	$(BIN)/lepton --workspace .lepton/demo reproduce optdigits --check

test: $(STAMP) ## Run all tests: unit, integration (one vendor each), e2e (a real server and worker)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

coverage: $(STAMP) ## Run the tests and the demo, measure lines and branches, and compare with the bar
	@mkdir -p build/coverage
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report= tests/unit tests/integration tests/e2e/test_demo.py tests/e2e/test_crash.py tests/e2e/test_approval.py
	$(BIN)/python tests/coverage_bar.py

test-unit: $(STAMP) ## Run the tests that need no server: seconds
	$(BIN)/python -m pytest tests/unit

lint: $(STAMP) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DOCS) ## Build the documentation into site/; open site/index.html, no server is needed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

tutorial: $(STAMP) ## Run docs/tutorial.ipynb and store what its cells answered
	$(BIN)/python -m docs.hooks.notebook

$(DOCS): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[docs]'
	@touch $(DOCS)

release-check: ## Build wheel and sdist, install both in empty environments, and try them: some ten minutes
	.ci/release-check

bench-loop: $(STAMP) ## Measure the figures of the whole loop into benchmarks/results/loop.json
	$(BIN)/python benchmarks/loop.py

bench-reliability: $(STAMP) ## Measure registry, lineage and audit into benchmarks/results/reliability.json
	$(BIN)/python benchmarks/reliability

bench-transfer: $(STAMP) ## Measure transfer into benchmarks/results/transfer.json; needs LEPTON_SHARED_DATA
	$(BIN)/python benchmarks/transfer

bench-monitor: $(STAMP) ## Measure monitoring into benchmarks/results/monitoring.json; needs LEPTON_SHARED_DATA
	$(BIN)/python benchmarks/monitoring

bench-pretraining: $(STAMP) ## Measure pretraining into benchmarks/results/pretraining.json; needs LEPTON_SHARED_DATA
	$(BIN)/python benchmarks/pretraining

bench-house: $(STAMP) ## Measure start-up, loads, size and installation into benchmarks/results/house.json
	$(BIN)/python benchmarks/house

bench-deliveries: $(STAMP) ## Measure deliveries as people send them into benchmarks/results/deliveries.json; needs ../shared/cases
	$(BIN)/python benchmarks/deliveries

bench-serving: $(STAMP) ## Measure champions that answer elsewhere into benchmarks/results/serving.json
	$(BIN)/python benchmarks/serving

constraints: $(DOCS) ## Write constraints.txt anew from what is installed
	$(BIN)/python -m pip freeze --exclude-editable | sed "s/+cpu//" > constraints.txt

clean: ## Stop the demo's servers; remove the virtual environment, the demo and all caches
	@if [ -f .lepton/demo/lepton.yaml ] && [ -x $(BIN)/lepton ]; then $(BIN)/lepton --workspace .lepton/demo down; fi
	rm -rf $(VENV) site .lepton .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
