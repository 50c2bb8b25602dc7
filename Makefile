# The commands that people run. `make help` lists them.

PYTHON ?= python3
VENV := .venv/bin
# Where tools/setup.py puts a Node.js if the machine has none.
export PATH := $(if $(wildcard .cache/node/bin),$(CURDIR)/.cache/node/bin:)$(PATH)
# What to pass to the installer, as in: make up ARGS="--rest-port 18080"
ARGS ?=
# Number of test processes. They mostly wait; WORKERS=0 runs a single one, for a debugger.
WORKERS ?= 3
PYTEST = $(VENV)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up down status test test-packaging soak bench bench-cluster lint format wheel ui installer generate proto lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Set up and start everything on this machine, log the demo, print the URLs
	@$(PYTHON) tools/setup.py local ui
	@$(VENV)/python -m installer up --local $(ARGS)

down: ## Stop the servers; data is kept
	@$(PYTHON) tools/setup.py local
	@$(VENV)/python -m installer down --local $(ARGS)

status: ## Show the state of the servers
	@$(PYTHON) tools/setup.py local
	@$(VENV)/python -m installer status --local $(ARGS)

test: ## Run all tests that need no cluster
	@$(PYTHON) tools/setup.py dev ui
	@cd ui && npm test --silent
	@$(PYTEST) $(ARGS)

test-packaging: ## Check that kustomize and Helm install the same objects, and scan them (builds tools with Go once)
	@$(PYTHON) tools/setup.py dev ui
	@$(PYTEST) tests/packaging $(ARGS)

soak: ## Run the long tests: failures, kills, attacks, random calls, ten minutes of load
	@$(PYTHON) tools/setup.py dev ui
	@KFM_FAULT_SECONDS=60 KFM_SOAK_SECONDS=600 KFM_KILL_ROUNDS=10 KFM_ATTACK_SECONDS=60 KFM_ATTACK_P99_SECONDS=1 \
		KFM_RANDOM_REQUESTS=10000 KFM_FUZZ_REQUESTS=10000 $(VENV)/python -m pytest -s tests/faults
	@OFFICIAL_EXAMPLES=5000 $(VENV)/python -m pytest tests/contract/test_same_answers.py

bench: ## Compare with the official server; ARGS="--database sqlite", or ARGS="--against REF" for an older commit
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m benchmarks $(ARGS)

bench-cluster: ## Compare `up` with kubectl apply, rollout status and smoke, on the cluster of `make kind-up`
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m benchmarks.cluster $(ARGS)

lint: ## Check style, types, layers, and that generated files are up to date
	@$(PYTHON) tools/setup.py dev ui
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python tools/proto.py --check
	$(VENV)/python -m tools.generate --check
	cd ui && npm run --silent lint && npm run --silent typecheck

format: ## Format the Python code
	@$(PYTHON) tools/setup.py dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

wheel: ## Build the UI, and wheels and sdists of the servers and the SDK, into dist/
	@$(PYTHON) tools/setup.py local ui
	@rm -rf dist
	@$(VENV)/python -m hatchling build --directory dist
	@cd sdk && ../$(VENV)/python -m hatchling build --directory ../dist

ui: ## Build the Artifact Store into src/kubeflow_metadata/ui/static
	@$(PYTHON) tools/setup.py ui

installer: ## Set up .venv for `python -m installer`
	@$(PYTHON) tools/setup.py local

generate: ## Generate values, schema, reference, manifests and overlays from settings, parts and chart
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m tools.generate

proto: ## Generate src/kubeflow_metadata/proto/*_pb2.py from the .proto files
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python tools/proto.py

lock: ## Regenerate requirements/*.lock from pyproject.toml
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python tools/lock.py

clean: ## Delete what the other targets created (but not the data of `make up`)
	rm -rf .venv .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis ui/node_modules src/kubeflow_metadata/ui/static

include tests/e2e/e2e.mk
