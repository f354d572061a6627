"""The GAN on several devices: each has all weights, and its rows of every batch.

Keras leaves that to its backend, and the ways are so different that each has a file: tensorflow.py and jax.py
define the same names for `__main__.py`. `engine` is the one for the backend that Keras computes with here.
"""

import importlib

import keras

engine = importlib.import_module(f"keras_gan.distribution.{keras.backend.backend()}")
