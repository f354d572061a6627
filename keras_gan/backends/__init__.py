"""What each Keras backend needs of its own; networks, losses and training are written once for all three.

A training step written by hand meets the backend in a few places: tensorflow.py, jax.py and torch.py define
the same names for them, in the same order. `backend` is the one that Keras computes with here.
"""

import importlib

import keras

backend = importlib.import_module(f"keras_gan.backends.{keras.backend.backend()}")
