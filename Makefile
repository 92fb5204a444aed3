# Two commands on a fresh machine (Python 3.11+, make, git): `make audit` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help audit test check format lint types layers bench lock kerberos clean

help:  ## these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

audit: $(STAMP)  ## audit this machine and the recorded demo company; workbooks land in audits/
	$(BIN)/python -m auditor.firstrun audits

test: $(STAMP)  ## the whole suite
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(PYTEST_ARGS)

check: $(STAMP) format lint types layers test  ## what every commit must pass

format: $(STAMP)  ## ruff's format, checked
	$(BIN)/ruff format --check .

lint: $(STAMP)  ## ruff's rules
	$(BIN)/ruff check .

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP)  ## import-linter: collectors -> rules -> reports
	$(BIN)/lint-imports

bench: $(STAMP)  ## every benchmark, each printing a ratio measured in one run
	for b in benchmarks/bench_*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

EXPORT := -q --frozen --no-emit-project --no-header --no-annotate
lock:  ## renew the lock files (versions and hashes, no registry address) with uv; needs libkrb5-dev and gcc
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	$(VENV)/lock/bin/uv lock -q --upgrade
	$(VENV)/lock/bin/uv export $(EXPORT) --all-extras --no-extra kerberos -o requirements.lock
	$(VENV)/lock/bin/uv export $(EXPORT) --no-dev --group kerberos -o requirements-kerberos.lock

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	touch $(STAMP)

kerberos: $(STAMP)  ## build the Kerberos libraries into the environment (needs libkrb5-dev, gcc and Python's headers)
	$(BIN)/python -c "import gssapi, kerberos, krb5" 2>/dev/null || $(BIN)/python -m pip install -q --require-hashes -r requirements-kerberos.lock

clean:  ## remove everything made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis audits
