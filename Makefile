# make demo · make test · make check · make bench · make chaos · make lock      needs Python 3.11, make, a package index
PYTHON ?= python3
BIN := .venv/bin
FOR ?=
TESTS ?=
FIGURES ?=
SEED ?=
DELIVERIES ?=
KILLS ?=
WITHOUT ?=

.PHONY: demo test check bench chaos lock clean

demo: .venv/run                ## the main job on this machine; FOR=20 ends after 20 s
	$(BIN)/gateway demo $(if $(FOR),--for $(FOR))

test: .venv/dev                ## all tests, in two processes; TESTS="tests/gateway -k limiter" for some, in one
	$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),-n 2)

check: .venv/dev               ## style, types, and that every module imports by itself
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: .venv/dev               ## figures as JSON lines, below 10 minutes; FIGURES="help_cpu_ms …" for some
	@$(BIN)/python -m tests.benchmarks $(FIGURES)

chaos: .venv/dev               ## 100,000 deliveries, 100 kills, every fault, below 15 minutes; SEED= DELIVERIES= KILLS= WITHOUT=
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(WITHOUT),--without $(WITHOUT)) \
	    $(if $(DELIVERIES),--deliveries $(DELIVERIES)) $(if $(KILLS),--kills $(KILLS))

lock: .venv/dev                ## pin the newest versions that fit, with hashes, naming no index
	cd requirements && ../$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --python-version 3.11 --universal --upgrade \
	    ../pyproject.toml build.in -o run.txt
	cd requirements && ../$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --python-version 3.11 --universal --upgrade \
	    ../pyproject.toml build.in dev.in -c run.txt -o dev.txt

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv

.venv/run: requirements/run.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch .venv/run $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
