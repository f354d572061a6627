# One command each: what is missing is set up first. `make help` lists them.
#
#   make train-torch ARGS="--steps 2000 --seed 7"    passes options on; ARGS=--help explains them
#   make train-torch DEVICES=2                       trains on two devices

PYTHON ?= python3
ARGS ?=
DEVICES ?=
PORT := 8000
override KERAS_BACKEND := $(or $(KERAS_BACKEND),tensorflow)
VENV := .venv
RUN := $(VENV)/bin/python -m
TRAIN := train $(if $(DEVICES),--devices '$(DEVICES)')
FRAMEWORKS := torch tensorflow keras jax
SITE := docs/_site

# Modules are called, not programs of $(VENV), and found here: both hold the path of a folder that may be moved.
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help train-torch train-tf train-keras compare export check test style bench docs docs-serve docs-figures \
	tensorboard clean usable
.NOTPARALLEL:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

train-torch: $(VENV)/installed-torch  ## train the GAN in PyTorch: 20,000 iterations, about 10 minutes on two cores
	$(RUN) pytorch_gan $(TRAIN) $(ARGS)

train-tf: $(VENV)/installed-tensorflow  ## train the same GAN in TensorFlow
	$(RUN) tensorflow_gan $(TRAIN) $(ARGS)

train-keras: $(VENV)/keras-on-$(KERAS_BACKEND) $(VENV)/installed-keras  ## train the same GAN in Keras; KERAS_BACKEND=tensorflow, jax or torch
	KERAS_BACKEND='$(KERAS_BACKEND)' $(RUN) keras_gan $(TRAIN) $(ARGS)

compare: $(VENV)/installed-compare  ## lay the newest run of each framework side by side, in one report
	$(RUN) common.compare $(ARGS)

export: $(VENV)/installed-export  ## write a trained network as ONNX or safetensors; ARGS="--run runs/torch/latest --format onnx"
	$(RUN) common.export $(ARGS)

check: style  ## check style, types and what takes seconds to check: less than two minutes
	$(RUN) pytest -m 'not slow' $(ARGS)
	@echo 'Left out: the tests marked as slow. `make test` runs all.'

test: style  ## check style, types and all behaviour: half an hour on two cores
	$(RUN) pytest $(ARGS)

style: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-test
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

bench: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-test  ## measure speed and memory, 100 minutes; ARGS=--quick: two
	$(RUN) benchmarks $(ARGS)

docs: $(VENV)/installed-docs  ## build the tutorial, in English and Chinese
	@$(RUN) docs.play $(SITE)/play || echo 'So the page "play" has nothing to play with; the others are built.'
	$(RUN) sphinx --fail-on-warning --keep-going --quiet -c docs docs/en $(SITE)/en
	$(RUN) sphinx --fail-on-warning --keep-going --quiet -c docs -D language=zh_CN docs/zh $(SITE)/zh
	@cp docs/index.html $(SITE)
	@echo 'Open   $(SITE)/index.html'

docs-serve: docs  ## build the tutorial and serve it on http://localhost:8000; PORT=8001 for another port
	$(RUN) docs.serve --port '$(PORT)'

docs-figures: $(FRAMEWORKS:%=$(VENV)/installed-%) $(VENV)/installed-docs  ## draw the tutorial's figures and make its notebooks again
	$(RUN) docs.figures $(ARGS)
	$(RUN) docs.notebooks

tensorboard: $(VENV)/installed-tensorboard  ## look at the runs in TensorBoard, also while they go on
	$(RUN) common.tensorboard $(ARGS)

clean:  ## remove .venv; data/ and runs/ stay
	@mkdir -p $(VENV)
	mv $(VENV) $(VENV)-removed-$$$$  # at once: half of it would pass for a whole one
	rm -rf $(VENV)-removed-*

$(VENV)/keras-on-tensorflow $(VENV)/keras-on-jax $(VENV)/keras-on-torch: $(VENV)/keras-on-%: $(VENV)/installed-%
	@touch $@

$(VENV)/keras-on-%:
	@echo "error: KERAS_BACKEND must be one of tensorflow, jax, torch, not '$(KERAS_BACKEND)'." >&2; exit 2

# Every extra of pyproject.toml, in the versions of constraints.txt.
$(VENV)/installed-%: pyproject.toml constraints.txt $(VENV)/created | usable
	@echo 'Setting up $(VENV) for $*: once, and for PyTorch it takes a while.'
	$(VENV)/bin/python -I -m pip install --constraint constraints.txt --editable '.[$*]'
	@touch $@

# Of Python itself there is only a link in $(VENV), and packages are found by the version that installed them.
usable: $(VENV)/created
	@$(VENV)/bin/python -I -c 'import pip' 2> /dev/null || { \
		echo 'error: $(VENV) does not work, as if its Python had been removed or replaced; `make clean`, then try again.' >&2; exit 1; }

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo 'error: Python 3.11, 3.12 or 3.13 is needed (TensorFlow is not there yet for later ones), and $(PYTHON) is none of them; name one with PYTHON=python3.13 or the like.' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
