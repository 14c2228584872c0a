# Every target does its own set-up: tools/setup.sh makes .venv once and returns at once afterwards.
BIN := .venv/bin
ARGS ?=
WORKERS ?= 2

.PHONY: help setup train test images check fix bench clean
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup:  ## make .venv and install everything into it
	@sh tools/setup.sh

train: setup  ## train on WebShop; prints success before and after and the path of an HTML report
	$(BIN)/vlgym-train --preset webshop-pixels $(ARGS)

test:  ## run all tests
	@sh tools/setup.sh test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

images: setup  ## build the container images and play a rollout in each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m docker tests/docker/test_images.py $(ARGS)

check: setup  ## lint, formatting and types, without changing a file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy vlgym agents/vlgym_agents

fix: setup  ## mend what lint and formatting can mend by themselves
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## run every benchmark in its quick form
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file --quick || exit 1; done

clean:  ## remove .venv, caches and build outputs; runs/ is kept
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
