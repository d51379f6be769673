# What people run. Everything else is Python: local/ holds what these targets call.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# The first interpreter that will do; the doctor says what lacks when none does.
PYTHON ?= $(or $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; \
	done),python3)
VENV := .venv/bin

# What the demonstration takes goes through the environment, literally: no shell ever reads it as text.
override VIDEO := $(value VIDEO)
override TO := $(value TO)
override FROM := $(value FROM)
override TRANSCRIPT := $(value TRANSCRIPT)
export VIDEO TO FROM TRANSCRIPT

.PHONY: help setup demo up test test-long gpu lint bench bench-providers bundle lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## examine this machine, make .venv, install the pins and the system packages; quick when done
	@$(PYTHON) -m local.install

demo: setup ## dub a sample, or VIDEO=path [TO=es] [FROM=en] [TRANSCRIPT=file.srt], into out/
	@$(VENV)/python -m local.demo --video="$$VIDEO" --to="$$TO" --from="$$FROM" --transcript="$$TRANSCRIPT"

up: setup ## run everything at http://127.0.0.1:8000 until Ctrl-C
	@$(VENV)/python -m local.stack

lint: setup ## style, types, who may import whom
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports

test: lint ## lint, then every test but the long ones
	@$(PYTHON) -m local.install --tests
	$(VENV)/python -m pytest -n auto --dist loadfile --maxfail 25 -m "not long"

test-long: setup gpu ## every test, the long ones too, and those of the gpu extra in its own venv
	@$(PYTHON) -m local.install --tests
	$(VENV)/python -m pytest -n auto --dist loadfile --maxfail 25
	.venv-gpu/bin/python -m pytest tests/gpu

gpu: .venv-gpu/installed ## .venv-gpu with the engines that run models here (8 GB); quick when done

.venv-gpu/installed: requirements-gpu.txt tests/requirements.txt
	$(PYTHON) -m venv --clear .venv-gpu
	.venv-gpu/bin/python -m pip install -r requirements-gpu.txt
	.venv-gpu/bin/python -m pip install -c tests/requirements.txt hypothesis pytest pytest-timeout
	@touch $@

bench: setup ## the measurements, each printing a table
	@for name in web queue workers planner diarisation scenes assembly "pipeline --minutes 2 10 60"; do \
		echo "== bench.$$name"; $(VENV)/python -m bench.$$name || exit 1; \
	done

bench-providers: setup ## how well a job keeps its providers busy, beside what their limits allow
	@$(VENV)/python -m bench.providers

bundle: ## build/onevoice.zip from the last commit, for Elastic Beanstalk
	@mkdir -p build
	git archive --format=zip -o build/onevoice.zip HEAD -- \
		web worker shared .ebextensions .platform requirements.txt Procfile cron.yaml
	@ls -l build/onevoice.zip

lock: ## compile the pins anew from pyproject.toml
	@$(VENV)/python -m local.lock
