# Weightgate. `make` alone lists what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
READY := $(VENV)/.made-from-requirements
ARGS ?=

.PHONY: help demo demo-split test test-peers test-roots bench soak lint licences messages lock screenshots gallery clean

help: ## this list
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z.-]+):.*## /  make \1\t/' | expand -t 20

demo: $(READY) ## the whole site; PORT=8000 WEIGHTGATE_VAR=./var
	@exec $(VENV_PYTHON) -m portal.embedded demo --from-make $(ARGS)

demo-split: $(READY) ## the same, served as in production: nginx, WSGI workers, ASGI streams
	@exec $(VENV_PYTHON) -m portal.embedded demo --from-make --web split $(ARGS)

test: $(READY) ## all tests; make test ARGS="-k grant"
	@scripts/test-packages
	@$(VENV_PYTHON) -m pytest $(ARGS)

test-peers: $(READY) ## clients and writers of other versions, each in an environment of its own; make test-peers ARGS=opt
	@scripts/test-packages
	@$(VENV_PYTHON) scripts/test_peers.py $(ARGS)

test-roots: $(READY) ## what the README and the image promise, in a bare Debian, as root; make test-roots ARGS="demo --suite trixie"
	@$(VENV_PYTHON) scripts/roots/try_root.py $(ARGS)

bench: $(READY) ## how fast it is, each bench_*.py of scripts in turn, on databases of its own
	@missed=""; for each in scripts/bench_*.py scripts/training/bench_*.py; do echo "$$each"; $(VENV_PYTHON) $$each $(ARGS) || missed+=" $$each"; done; \
		PAGES_BENCH=1 $(VENV_PYTHON) -m pytest -n 0 -q --no-header tests/browser/every_page/test_milliseconds.py || missed+=" pages"; \
		[ -z "$$missed" ] || { echo "missed or failed:$$missed"; exit 1; }

soak: export RACERS := 50
soak: export ROUNDS := 100
soak: export MACHINE_EXAMPLES := 300
soak: export MACHINE_STEPS := 60
soak: export CUTS := 200
soak: export WALK_ALL := 1
soak: export FUZZ_SECONDS := 900
soak: export MUTATIONS_EVERY := 1
soak: export TWO_HOSTS := 1
soak: export FAULT_SECONDS ?= 15
soak: export LOAD_MINUTES ?= 30
soak: export BATCH_TEST_LINES ?= 1000
soak: export QUEUE_REQUESTS ?= 10000
soak: export STREAMS ?= 1000
soak: export TRAINING_RANKS := 1
soak: $(READY) ## two hours or more: faults and load on two hosts, races, the gate driven by chance, poor links, all links, hostile calls, changed folders, mutants of the policy
	@$(VENV_PYTHON) -m pytest -n 1 --timeout 7200 tests/portal/access/test_races.py tests/portal/access/grants/ending/test_ending_races.py tests/portal/access/test_gate_machine.py tests/clients/links/test_poor_links.py tests/portal/site/test_walk.py tests/inference/model_files/test_mutated_folders.py tests/inference/checkpoints/test_mutated_conversions.py tests/fuzz tests/deploy/test_two_hosts.py tests/soak $(ARGS)
	@$(VENV_PYTHON) scripts/mutate.py

lint: export WEIGHTGATE_SECRET_KEY := only-to-read-the-settings-while-checking-them
lint: export WEIGHTGATE_DB_POOL := 0
lint: $(READY) ## style, types, layers, missing migrations
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/djlint --check --quiet templates
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(VENV_PYTHON) scripts/format_styles.py --check
	@$(VENV)/bin/mypy portal workers inference
	@$(VENV)/bin/lint-imports
	@$(VENV_PYTHON) -W ignore manage.py makemigrations --check --dry-run

screenshots: $(READY) ## pictures of a running demo, into docs/screenshots
	@$(VENV_PYTHON) scripts/screenshots.py $(ARGS)

gallery: $(READY) ## every page, wide and narrow, in both themes, on one sheet: GALLERY=var/gallery
	@GALLERY=$${GALLERY:-var/gallery} $(VENV_PYTHON) -m pytest -n 0 -q --no-header tests/browser/every_page/test_gallery.py

licences: $(READY) ## the licence of each package and binary that is installed, held against scripts/licences/allowed.toml
	@$(VENV_PYTHON) scripts/licences/listing.py

messages: export WEIGHTGATE_SECRET_KEY := only-to-read-the-settings-while-checking-them
messages: export WEIGHTGATE_DB_POOL := 0
messages: $(READY) ## the catalogues of translated texts, after a text changed; it wants gettext's tools
	@mkdir -p portal/locale
	@$(VENV_PYTHON) -W ignore manage.py makemessages --locale de --no-location --no-obsolete --no-wrap \
		--ignore tests --ignore docs --ignore scripts --ignore workers --ignore inference --ignore 'var*' --ignore .venv
	@$(VENV_PYTHON) -W ignore manage.py compilemessages --locale de --ignore .venv

lock: $(READY) ## requirements.txt from pyproject.toml and requirements.in; ARGS=--upgrade for the newest of all
	@scripts/lock $(ARGS)

clean: ## everything that was made here: environment, demo data, caches
	@rm -rf $(VENV) .venv-peers .venv-soak var var-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: $(READY) ## only the environment
$(READY): requirements.txt scripts/environment
	@scripts/environment $(VENV)
	@touch $@
