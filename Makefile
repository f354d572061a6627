# One command each: what is missing is set up first. `make help` lists them.
#
#   make train-torch ARGS="--steps 2000 --seed 7"    passes options on; ARGS=--help explains them

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help train-torch test bench tensorboard clean
.NOTPARALLEL:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

train-torch: $(VENV)/installed-torch  ## train the GAN in PyTorch: 20,000 iterations, about 10 minutes on two cores
	$(BIN)/python -m pytorch_gan train $(ARGS)

test: $(VENV)/installed-torch $(VENV)/installed-test  ## check style, types and behaviour
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

bench: $(VENV)/installed-torch $(VENV)/installed-test  ## measure speed and memory
	$(BIN)/python -m benchmarks $(ARGS)

tensorboard: $(VENV)/installed-tensorboard  ## look at the runs in TensorBoard, also while they go on
	$(BIN)/python -m common.tensorboard $(ARGS)

clean:  ## remove .venv; data/ and runs/ stay
	rm -rf $(VENV)

# Every extra of pyproject.toml, in the versions of constraints.txt.
$(VENV)/installed-%: pyproject.toml constraints.txt | $(VENV)/created
	@echo 'Setting up $(VENV) for $*: once, and for PyTorch it takes a while.'
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@
