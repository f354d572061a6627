"""The GAN in TensorFlow, without Keras."""
