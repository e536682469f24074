# One command sets everything up and runs it. `make help` lists the commands.
# The first fitting Python on this machine; a shim that fails is skipped. Name another: make PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3 /usr/local/bin/python3 "$$HOME"/.pyenv/versions/3.1[2-9]*/bin/python "$$HOME"/.local/share/uv/python/*/bin/python3; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { command -v "$$p"; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
BROWSER_STAMP := .venv/.browser
PORT ?= 8000
DATABASE_URL ?= sqlite:///var/lastlap.db
CITY ?=
JOBS ?= 2
BOOKINGS ?= 20000

# Where this is set, every process would compile every library anew: seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test fault-test check format bench bench-allocation lock browser clean

help:            ## list the commands
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(STAMP)   ## set up and serve the demo city on 127.0.0.1 (PORT=, DATABASE_URL=, CITY=file.osm.pbf)
	@exec env PORT=$(PORT) DATABASE_URL='$(DATABASE_URL)' $(BIN)/lastlap demo $(foreach file,$(CITY),--city $(file))

test: $(STAMP) browser   ## set up and pass every test, on SQLite and PostgreSQL, with a real browser
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

fault-test: $(STAMP)  ## kill, crash, fill and step for a quarter of an hour, and report (BOOKINGS=)
	@LASTLAP_FAULTS=full BOOKINGS=$(BOOKINGS) $(BIN)/python -m pytest tests/faults -n 0 -p no:randomly $(ARGS)

check: $(STAMP)  ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## run the benchmarks and write benchmarks/README.md (ARGS="availability claims")
	$(BIN)/python -m benchmarks $(ARGS)

bench-allocation: $(STAMP)  ## measure the allocation core and write benchmarks/ALLOCATION.md (ARGS="days travel ...")
	$(BIN)/python -m benchmarks.allocation $(ARGS)

lock: $(STAMP)   ## resolve the dependencies anew, with hashes and without addresses
	$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock
	echo uv | $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header - -o requirements-uv.lock

# uv installs the lock several times faster; where it cannot be had, pip does the same.
$(STAMP): requirements.lock requirements-uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Lastlap needs Python 3.12 or newer and finds none. Install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; }
	@echo "Setting up .venv with $(PYTHON)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock \
	  && $(BIN)/uv pip sync --quiet --system-certs --require-hashes requirements-uv.lock requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --system-certs --no-deps --no-build-isolation -e . || $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Chromium for the browser tests: the system's, or installed from the system's packages where we may.
browser: $(STAMP)
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the browser tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core; } >/dev/null 2>&1 \
	  || echo "*** CHROMIUM COULD NOT BE INSTALLED: THE BROWSER TESTS WILL BE SKIPPED ***"; \
	else echo "*** NO CHROMIUM ON THIS MACHINE: THE BROWSER TESTS WILL BE SKIPPED ***"; fi

clean:           ## remove what was set up, not the demo's data
	rm -rf .venv
