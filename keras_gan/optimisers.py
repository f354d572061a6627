"""Each network's optimiser, and the moving average of the generator's weights."""

import keras
from keras import ops

from common.config import Config
from keras_gan.backends import backend
from keras_gan.backends.shared import Tensor


class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2014, arXiv:1412.6980, algorithm 1).

    Only here and in TensorFlow: `keras.optimizers.Adam` adds epsilon before the bias correction.
    """

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        """Update one weight with its gradient."""
        m, v = self.moments(variable)
        backend.adam_update(
            variable,
            m,
            v,
            gradient,
            t=ops.cast(self.iterations + 1, variable.dtype),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
        )

    def moments(self, variable: keras.Variable) -> tuple[keras.Variable, keras.Variable]:
        """The first and the second moment of one weight."""
        index = self._get_variable_index(variable)
        return self._momentums[index], self._velocities[index]

    def average(self, variable: keras.Variable) -> keras.Variable:
        """The moving average of one weight."""
        return self._model_variables_moving_average[self._get_variable_index(variable)]


def both(model: keras.Model, d_optimizer: Adam, g_optimizer: Adam) -> keras.optimizers.MultiOptimizer:
    """One optimiser made of both, as `fit` knows one."""
    d_weights = {weight.path for weight in model.discriminator.trainable_variables}
    optimizer = keras.optimizers.MultiOptimizer(
        lambda weight: d_optimizer if weight.path in d_weights else g_optimizer
    )
    optimizer.build(model.trainable_variables)
    return optimizer


def adam(config: Config, ema_decay: float = 0.0) -> Adam:
    """The optimiser of one network.

    With `ema_decay` it also keeps the average of the weights w: ema_decay · average + (1 - ema_decay) · w,
    beginning with w after one update.
    """
    return Adam(
        learning_rate=config.lr,
        beta_1=config.beta1,
        beta_2=config.beta2,
        epsilon=1e-8,  # added after the bias correction, as in algorithm 1
        use_ema=ema_decay > 0,
        ema_momentum=ema_decay,
    )
