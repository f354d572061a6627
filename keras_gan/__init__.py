"""The GAN in Keras, on TensorFlow, JAX or PyTorch."""
