# Everything lives in .venv/; nothing is installed outside of it, except what tests/system-packages.sh says.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
FOR ?=
SPEED ?=
# Tests wait for brokers, browsers and disks more than they compute: twice as many as a small machine has cores.
WORKERS ?= 4
CODE := devices rules gateway simulators

.PHONY: help demo test check format bench lock docs clean

help:            ## show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/'

demo: $(VENV)/.run   ## set up, and run gateway, broker, simulators and page together; ends with Ctrl-C
	$(BIN)/telecare demo $(if $(FOR),--for $(FOR)) $(if $(SPEED),--speed $(SPEED))

test: $(VENV)/.dev   ## set up, check, and run all tests
	@sh tests/system-packages.sh
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m 'not alone'
	@echo 'Now one by one, those that measure time:'
	$(BIN)/python -m pytest -m alone $$(grep -rl --include='*.py' 'mark\.alone' tests)

check: $(VENV)/.dev  ## style, types, imports: what a change must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## measure: see bench/README.md
	$(BIN)/python -m bench

docs: $(VENV)/.dev   ## make the generated parts of docs/ and README.md anew
	$(BIN)/python -m docs

lock: $(VENV)/.dev   ## resolve the dependencies anew, with hashes
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra build -o requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra build --extra dev -o requirements-dev.lock pyproject.toml

clean:           ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up .venv (once; a minute or two) ..."
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Setting up .venv with the tools for tests (once; a minute or two) ..."
	$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run
