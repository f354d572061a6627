"""Each network's optimiser, and the moving average of the generator's weights."""

import tensorflow as tf

from common.config import Config
from tensorflow_gan.exchange import named_weights
from tensorflow_gan.networks import Generator


class Adam(tf.Module):
    """Adam (Kingma & Ba, 2014, arXiv:1412.6980, algorithm 1).

    Only here and in Keras: TensorFlow by itself has no optimisers. XLA makes one pass of these lines.
    """

    def __init__(self, weights: list[tf.Variable], config: Config) -> None:
        super().__init__()
        self.weights = weights
        self.m = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.v = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.step = tf.Variable(0.0, dtype=tf.float64)  # in float32, 1 - 0.999^t would lose digits
        self.lr, self.beta1, self.beta2 = config.lr, config.beta1, config.beta2
        self.epsilon = 1e-8  # added after the bias correction, as in algorithm 1

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Update each weight with its gradient."""
        t = self.step.assign_add(1.0)
        for weight, m, v, g in zip(self.weights, self.m, self.v, gradients, strict=True):
            m.assign(self.beta1 * m + (1 - self.beta1) * g)
            v.assign(self.beta2 * v + (1 - self.beta2) * g**2)
            m_hat = m / tf.cast(1 - self.beta1**t, g.dtype)
            v_hat = v / tf.cast(1 - self.beta2**t, g.dtype)
            weight.assign_sub(self.lr * m_hat / (tf.sqrt(v_hat) + self.epsilon))


class MovingAverage(tf.Module):
    """The average of weights w: decay · average + (1 - decay) · w, beginning with w after one update.

    Only here: `tf.train.ExponentialMovingAverage` begins with w before the first update.
    """

    def __init__(self, weights: list[tf.Variable], decay: float) -> None:
        super().__init__()
        self.weights = weights
        self.averages = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.decay = decay

    def update(self, step: tf.Tensor) -> None:
        """Let the averages follow the weights, after their update number `step`."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            followed = average + (1 - self.decay) * (weight - average)
            average.assign(tf.where(step > 1, followed, weight))


def trained_weights(network: tf.Module) -> list[tf.Variable]:
    """All but running statistics. Only here: elsewhere a network lists them, in its own order."""
    return [weight for _, weight in named_weights(network, "network") if weight.trainable]


def adam(network: tf.Module, config: Config) -> Adam:
    """The optimiser of one network's weights."""
    return Adam(trained_weights(network), config)


def moving_average(generator: Generator, decay: float) -> MovingAverage:
    """The average of the generator's weights. Only here and in PyTorch: Keras' optimisers can average."""
    return MovingAverage(trained_weights(generator), decay)
