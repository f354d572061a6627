# One command each: what is missing is set up first. `make help` lists them.
#
#   make train-torch ARGS="--steps 2000 --seed 7"    passes options on; ARGS=--help explains them

PYTHON ?= python3
ARGS ?=
override KERAS_BACKEND := $(or $(KERAS_BACKEND),tensorflow)
VENV := .venv
BIN := $(VENV)/bin
FRAMEWORKS := torch tensorflow keras jax
SITE := docs/_site

.DEFAULT_GOAL := help
.PHONY: help train-torch train-tf train-keras compare test bench docs docs-serve docs-figures tensorboard clean
.NOTPARALLEL:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

train-torch: $(VENV)/installed-torch  ## train the GAN in PyTorch: 20,000 iterations, about 10 minutes on two cores
	$(BIN)/python -m pytorch_gan train $(ARGS)

train-tf: $(VENV)/installed-tensorflow  ## train the same GAN in TensorFlow
	$(BIN)/python -m tensorflow_gan train $(ARGS)

train-keras: $(VENV)/keras-on-$(KERAS_BACKEND) $(VENV)/installed-keras  ## train the same GAN in Keras; KERAS_BACKEND=tensorflow, jax or torch
	KERAS_BACKEND='$(KERAS_BACKEND)' $(BIN)/python -m keras_gan train $(ARGS)

compare: $(VENV)/installed-compare  ## lay the newest run of each framework side by side, in one report
	$(BIN)/python -m common.compare $(ARGS)

test: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-test  ## check style, types and behaviour
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

bench: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-test  ## measure speed and memory
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/installed-docs  ## build the tutorial, in English and Chinese
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs docs/en $(SITE)/en
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs -D language=zh_CN docs/zh $(SITE)/zh
	@cp docs/index.html $(SITE)
	@echo 'Open   $(SITE)/index.html'

docs-serve: docs  ## build the tutorial and serve it on http://localhost:8000
	$(BIN)/python -m http.server --directory $(SITE) 8000

docs-figures: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-docs  ## draw the tutorial's figures and make its notebooks again
	$(BIN)/python -m docs.figures $(ARGS)
	$(BIN)/python -m docs.notebooks

tensorboard: $(VENV)/installed-tensorboard  ## look at the runs in TensorBoard, also while they go on
	$(BIN)/python -m common.tensorboard $(ARGS)

clean:  ## remove .venv; data/ and runs/ stay
	rm -rf $(VENV)

$(VENV)/keras-on-tensorflow $(VENV)/keras-on-jax $(VENV)/keras-on-torch: $(VENV)/keras-on-%: $(VENV)/installed-%
	@touch $@

$(VENV)/keras-on-%:
	@echo "error: KERAS_BACKEND must be one of tensorflow, jax, torch, not '$(KERAS_BACKEND)'." >&2; exit 2

# Every extra of pyproject.toml, in the versions of constraints.txt.
$(VENV)/installed-%: pyproject.toml constraints.txt | $(VENV)/created
	@echo 'Setting up $(VENV) for $*: once, and for PyTorch it takes a while.'
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@
