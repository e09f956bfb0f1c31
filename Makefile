# make run | make test | make check | make bench. Everything happens in .venv, which is built when it is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test check format bench docs suites clean

run: $(READY)
	@$(BIN)/relay dev --tour

test: check
	$(BIN)/pytest -n auto --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/docs tests/mail/test_docs_rewriting.py
	$(BIN)/python docs/screenshots.py

bench: $(READY)
	$(BIN)/python -m bench

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed (found: $$($(PYTHON) --version)). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python cannot make virtual environments. Install Debian's package: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,e2e]'
	@$(MAKE) --no-print-directory suites
	@touch $@

suites:
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
	  --dest $(VENV)/suites pyspf==2.0.14

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
