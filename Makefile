# Needs POSIX sh, make and Python 3.11 or newer; `make test` also Node 20 or newer with npm.
# A second run installs nothing.

PYTHON ?= python3
ARGS ?=

VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: help demo check test apps table doctor packages compat faults mutants lint bench measure docs pictures image lock clean

help:
	@echo 'make demo    all of it on a throw-away Synapse (ARGS=--keep leaves it running)'
	@echo 'make check   lint, and the tests that need neither Node nor a Synapse: half a minute'
	@echo 'make test    the tests'
	@echo 'make apps    real programs on the cards of adminbot (ARGS="nanobot curl": only these)'
	@echo 'make table   every command x what can be wrong with it, measured (ARGS="--only newbot")'
	@echo 'make doctor  each fault that adminbot doctor finds, provoked, and what it says'
	@echo 'make packages  wheel and sdist, installed in each way that the README names'
	@echo 'make compat  Synapses old and new, PostgreSQL, nginx (ARGS="--only nginx": these rows)'
	@echo 'make faults  everything that may happen to it, and what came of it'
	@echo 'make mutants takes its guards away one at a time: each must turn a test red'
	@echo 'make lint    formatting, style, types'
	@echo 'make bench   how long things take'
	@echo 'make measure how the code is cut, in numbers (ARGS="../other .": two trees side by side)'
	@echo 'make docs    write anew what is made of declarations: in docs/, .env.example, deploy/adminbot.1'
	@echo 'make pictures  draw docs/pictures anew, from conversations with the bot'
	@echo 'make image   build the container image, run it, freeze the homeserver beside it (podman, root)'
	@echo 'make lock    write the requirements with their hashes anew (ARGS=--upgrade: the newest)'
	@echo 'make clean   remove what was made here'

demo: $(VENV)/runtime
	@$(BIN)/adminbot demo $(ARGS)

test: $(VENV)/dev
	@for tool in node npm; do command -v $$tool >/dev/null || { \
	  echo "The tests' person is Element's own library: they need $$tool (Node 20 or newer)." >&2; \
	  exit 1; }; done
	# In the order of their names: what takes long comes first, and the short ones fill the end.
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -q tests/unit $(ARGS)

apps: $(VENV)/dev
	@$(BIN)/python -m tests.apps $(ARGS)

table: $(VENV)/dev
	@$(BIN)/python -m tests.table $(ARGS)

doctor: $(VENV)/dev
	@$(BIN)/python -m tests.doctor $(ARGS)

packages: $(VENV)/dev
	@$(BIN)/python -m tests.packages

compat: $(VENV)/dev
	@$(BIN)/python -m tests.compat $(ARGS)

faults: $(VENV)/dev
	@$(BIN)/python -m tests.faults $(ARGS)

mutants: $(VENV)/dev
	@$(BIN)/python -m tests.mutants $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/dev
	$(BIN)/python -m tests.bench $(ARGS)

measure:
	@$(PYTHON) -m tests.measure $(ARGS)

docs: $(VENV)/dev
	$(BIN)/python -m adminbot.commands.reference docs/commands.md
	$(BIN)/python -m adminbot.config.manual .env.example docs/settings.md
	$(BIN)/python -m adminbot.cli.reference docs/shell.md
	$(BIN)/python -m adminbot.apps.manual docs/apps.md
	$(BIN)/python -m adminbot.metrics.manual docs/metrics.md
	SOURCE_DATE_EPOCH=1795737600 $(BIN)/argparse-manpage --module adminbot.cli.arguments \
	  --function command_line --prog adminbot --project-name adminbot --manual-title adminbot \
	  --description 'BotFather for a Matrix server that is yours' --output deploy/adminbot.1

pictures: $(VENV)/dev
	@$(BIN)/python -m tests.pictures $(ARGS)

image: $(VENV)/dev
	@$(BIN)/python -m tests.image $(ARGS)

# The registry is the one that pip is set up for; its name stays out of what is written.
LOCK = CUSTOM_COMPILE_COMMAND='make lock' $(VENV)/lock/bin/pip-compile --quiet --generate-hashes \
  --no-emit-options --strip-extras --allow-unsafe --no-annotate $(ARGS)
DEV = import tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")

lock: $(VENV)/made
	@$(BIN)/python -m venv $(VENV)/lock
	@$(VENV)/lock/bin/pip --disable-pip-version-check --quiet install pip-tools==7.6.2
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(BIN)/python -c '$(DEV)' | $(LOCK) --constraint requirements.txt \
	  --output-file requirements-dev.txt pyproject.toml -

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -not -path '*/node_modules/*' -prune -exec rm -rf {} +

# The stamps: a virtual environment; with what adminbot needs; with what its developers need.

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "adminbot needs Python 3.11 or newer. Name one: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is not complete. On Debian: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/runtime: $(VENV)/made requirements.txt pyproject.toml
	@echo "installing what adminbot needs (once) ..."
	@$(PIP) --require-hashes --requirement requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements-dev.txt
	@echo "installing what its developers need (once) ..."
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $@
