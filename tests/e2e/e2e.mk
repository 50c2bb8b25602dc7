# The targets for end-to-end tests and images; the Makefile includes this file.
# E2E_IMAGES=registry|packages sets where images come from; E2E_CONTEXT names another cluster to test on.

.PHONY: e2e e2e-long e2e-deps e2e-tools kind-up kind-down images lint-workflows

e2e: ## Run the end-to-end tests on a kind cluster
	@$(PYTHON) tools/setup.py dev ui
	@$(VENV)/python -m tests.support.cluster prepare
	@# Leftovers can only be detected while nothing else creates any.
	@$(if $(ARGS),,$(VENV)/python -m pytest tests/e2e/test_leftovers.py)
	@$(PYTEST) tests/e2e $(or $(ARGS),--ignore=tests/e2e/test_leftovers.py -m "not long")

e2e-long: ## Run the end-to-end tests that take minutes: many settings, both engines, settings that last
	@$(PYTHON) tools/setup.py dev ui
	@$(VENV)/python -m tests.support.cluster prepare
	@$(PYTEST) tests/e2e -m long $(ARGS)

e2e-deps: ## Install what the cluster needs if no images can be pulled (Debian or Ubuntu, as root)
	@sh tests/e2e/install-packages.sh

e2e-tools: ## Build kind, kubectl, helm, kustomize, ... into .cache/bin (ARGS=helm4: only that one)
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m tests.support.cluster tools $(ARGS)

kind-up: ## Create a kind cluster for this checkout; prints how to use it, for a shell's eval
	@$(PYTHON) tools/setup.py dev >&2
	@$(VENV)/python -m tests.support.cluster up

kind-down: ## Delete this checkout's kind cluster
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m tests.support.cluster down

images: ## Build the container image of the servers
	@$(PYTHON) tools/setup.py dev ui
	@$(VENV)/python -m installer images build $(ARGS)

lint-workflows: ## Check the workflows in .github
	@$(PYTHON) tools/setup.py dev
	@$(VENV)/python -m tests.support.cluster tools actionlint
	@.cache/bin/actionlint
