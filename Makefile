# `make` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run test test-another-day check format explore bench screenshots docs dist openapi asyncapi definitions reference mutate matrix clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## Start DeployDB, walk a release to prod, serve until Ctrl-C (ONCE=1: stop after the walk; LISTEN=HOST:PORT)
	DEPLOYDB_DATA=$${DEPLOYDB_DATA:-deploydb-data/tour} $(BIN)/deploydb tour --service storefront $(if $(LISTEN),--listen $(LISTEN)) $(if $(ONCE),--once)

# what one target prints stays together, where make can do that
AT_ONCE = $(MAKE) --no-print-directory --jobs $(addprefix --,$(filter output-sync,$(.FEATURES)))

test: $(VENV)/test ## Run every test (ARGS=tests/domain: a part); install their servers where permitted
	tests/install-servers faketime build-essential debhelper python3-venv lintian puppet puppet-lint
	tests/install-octokit $(VENV)
	$(BIN)/pytest -n $${TEST_WORKERS:-$$(($$(nproc) + 2))} --dist worksteal $(ARGS)

ANOTHER_DAY = PYTHON=$(BIN)/python tests/another-day
# their clocks are their own, and they take longest
HISTORIES = $(addprefix --deselect ,tests/domain/test_any_history.py tests/contract/test_log_fold.py tests/simulation/test_any_reality.py)
DAY_TESTS = tests --ignore tests/e2e --ignore tests/documents --ignore tests/packages --ignore tests/pages --ignore tests/gateway/test_in_a_browser.py

test-another-day: $(VENV)/test ## Run tests as if in 400 days, across clock changes and on 29 February (DAY_TESTS=tests/domain: a part)
	tests/install-servers faketime
	tests/install-octokit $(VENV)
	$(ANOTHER_DAY) '+400d' -n $${TEST_WORKERS:-$$(($$(nproc) + 2))} --dist worksteal -m 'not servers' $(HISTORIES) $(DAY_TESTS) $(ARGS)
	@+$(AT_ONCE) test-in-Berlin test-in-New_York test-in-Auckland

test-in-Berlin: DAY = TZ=Europe/Berlin $(ANOTHER_DAY) '@2027-03-28 01:59:50'
test-in-New_York: DAY = TZ=America/New_York $(ANOTHER_DAY) '@2027-11-07 01:59:50'
test-in-Auckland: DAY = TZ=Pacific/Auckland $(ANOTHER_DAY) '@2028-02-28 23:59:50'
test-in-%:
	$(DAY) $(HISTORIES) tests/domain tests/configuration $(ARGS)

MKDOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
# in tests, misspelt words are quoted: users write them
QUOTED = (?<!")"[^"\n]+"(?!")

check: $(VENV)/check ## Check format, lint, types, layers, spelling, words, and the links of the documents
	@+$(AT_ONCE) $(addprefix check-,types links words lint layers spelling)

check-types:
	$(BIN)/mypy
check-links:
	$(MKDOCS)
check-words:
	$(BIN)/python -m tests.prose
check-lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
check-layers:
	$(BIN)/lint-imports
check-spelling:
	$(BIN)/codespell *.md Makefile .ci config deploy deploydb docs workers
	$(BIN)/codespell --ignore-regex '$(QUOTED)' tests

docs: $(VENV)/check ## Build the documents as a site, into build/site
	$(MKDOCS)

format: $(VENV)/check ## Format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

explore: $(VENV)/test ## Search 50,000 random histories in memory, and 40,000 on a database, for a broken promise (EXAMPLES=N: another number)
	DEPLOYDB_EXAMPLES=$(or $(EXAMPLES),50000) $(BIN)/pytest -n $${TEST_WORKERS:-auto} -o timeout=0 -o faulthandler_timeout=0 tests/domain/test_any_history.py tests/simulation/test_any_reality.py tests/contract/test_log_fold.py

matrix: $(VENV)/matrix ## Test on each Python from 3.11 to 3.14 that is installed, with the lowest and the newest dependencies (MATRIX_TESTS=tests/domain: a part; PYTHONS=3.13 RESOLUTIONS=highest: one)
	tests/matrix/audit $(BIN)/pip-audit
	UV=$(BIN)/uv tests/matrix/run $(MATRIX_TESTS)

mutate: $(VENV)/mutate ## Break the rules one by one, and see which the tests miss (MUTANTS='*.holds.*': a part; '*_*7': a tenth)
	$(BIN)/mutmut run $(if $(MUTANTS),'$(MUTANTS)')
	$(BIN)/python -m tests.mutation

bench: $(VENV)/bench ## Measure on real servers, beside Celery (ARGS=relay: one measurement)
	tests/install-servers wrk
	$(BIN)/python -m tests.bench $(ARGS)

dist: $(VENV)/dist ## Build the sdist and the wheel, into build/dist
	rm -rf build/dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir build/dist
	$(BIN)/check-wheel-contents build/dist

screenshots: $(VENV)/test ## Take every page of six pasts into build/screenshots, and those of the documents (PASTS=empty: some; SHOTS=audit: some pages)
	$(BIN)/python -m tests.pages.screenshots $(PASTS) $(addprefix --page ,$(SHOTS))

zipapp: dist ## Build DeployDB as one file that a Python of this kind runs, build/dist/deploydb.pyz
	$(BIN)/shiv --quiet --extend-pythonpath --console-script deploydb --output-file build/dist/deploydb.pyz --constraint constraints.txt build/dist/*.whl

deb: dist ## Build a package for Debian, into build/deb
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) deploy/debian/build build/dist/*.tar.gz build/deb

openapi: $(VENV)/run ## Generate deploy/openapi.json from the code
	$(BIN)/deploydb openapi > deploy/openapi.json

asyncapi: $(VENV)/run ## Generate deploy/asyncapi.json and deploy/messages.schema.json from the code
	$(BIN)/deploydb asyncapi > deploy/asyncapi.json
	$(BIN)/deploydb asyncapi --schema > deploy/messages.schema.json

definitions: $(VENV)/test ## Generate deploy/rabbitmq, deploy/postgres and their like of deploy/kubernetes from the code
	DEPLOYDB_CONFIG=config $(BIN)/deploydb broker definitions > deploy/rabbitmq/definitions.json
	$(BIN)/deploydb db roles > deploy/postgres/roles.sql
	DEPLOYDB_CONFIG=config $(BIN)/deploydb broker definitions --kubernetes rabbitmq > deploy/kubernetes/rabbitmq/topology.yaml
	$(BIN)/python -m tests.kubernetes.prometheus_rule > deploy/kubernetes/monitoring/rules.yaml

reference: $(VENV)/check ## Generate docs/promotions.md from the code
	$(BIN)/python -m docs.hooks.reference > docs/promotions.md

clean: ## Remove the files of the other targets, except the data folder
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache mutants

# One stamp for each set of packages, and for the smaller ones in it: one installation is enough for `check` and `test`.
INSTALLED = pyproject.toml constraints.txt | $(BIN)/python

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "DeployDB needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(INSTALLED)
	$(PIP) --editable .
	@touch $@

$(VENV)/dist: $(INSTALLED)
	$(PIP) --editable '.[dist]'
	@touch $@ $(VENV)/run

$(VENV)/test: $(INSTALLED)
	$(PIP) --editable '.[test]'
	@touch $@ $(addprefix $(VENV)/,run dist)

$(VENV)/bench: $(INSTALLED)
	$(PIP) --editable '.[test,bench]'
	@touch $@ $(addprefix $(VENV)/,run dist test)

$(VENV)/check: $(INSTALLED)
	$(PIP) --editable '.[test,check,bench]'
	@touch $@ $(addprefix $(VENV)/,run dist test bench)

$(VENV)/matrix: $(INSTALLED)
	$(PIP) --editable '.[matrix]'
	@touch $@ $(VENV)/run

$(VENV)/mutate: $(INSTALLED)
	$(PIP) --editable '.[test,mutate]'
	@touch $@ $(addprefix $(VENV)/,run dist test)
