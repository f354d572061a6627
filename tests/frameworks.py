"""All implementations behind one interface, each in a process of its own, trained with chosen dropout masks.

A `Player` is a process that has imported one framework, in float32 or float64. It runs the framework's own
`training.train`, with a recorder that keeps everything in memory and, where masks are asked for, with a layer
that applies them in the place of the framework's dropout layer. That layer is all that is changed in the
networks: its masks are kept here, and no test needs to know where in a network it is.
"""

import gc
import importlib
import io
import math
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import wraps
from itertools import chain, cycle, repeat
from typing import Any
from unittest import mock

import numpy as np

from common.checkpoint import Arrays, Checkpoint, initial_arrays
from common.command_line.framework import Framework, Implementation
from common.command_line.main import main
from common.command_line.train import follow
from common.config import Config
from common.data.mnist import scikit_learn_digits
from common.engines import ENGINES, Engine
from common.feed import Batch, CriticBatches, Feed
from common.networks import networks
from common.objectives import OBJECTIVES
from common.runs.together import Together, object_from_first

MASK_STREAM = 7  # nothing else in these tests draws from it


def rows(count: int, batch_size: int, device: int, devices: int) -> np.ndarray:
    """Which of `count` rows, batches below each other, belong to one of several devices: integers (n,)."""
    return np.arange(count).reshape(-1, devices, batch_size // devices)[:, device].ravel()


def masks(config: Config, iteration: int) -> list[np.ndarray]:
    """The masks of an iteration, 0 or 1 / (1 - dropout), in the order in which they are needed.

    One for each hidden layer, each time that D looks at images: the discriminator step shows it real and
    generated ones, a critic step also those of its penalty, the generator step generated ones.
    """
    key = np.array([config.seed, MASK_STREAM], dtype=np.uint64)
    stream = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, iteration]))
    batches = [2, 1]
    if config.update_order == "generator-first":
        batches = [1, 2]
    elif config.loss == "wasserstein":
        batches = [2, 1] * config.critic_steps + [1]
    hidden = [layer for layer in networks(config)[0].layers if layer.activation == "LeakyReLU"]
    shapes = [(count * config.batch_size, layer.units) for count in batches for layer in hidden]
    return [(stream.random(shape) >= config.dropout) / (1 - config.dropout) for shape in shapes]


@dataclass
class Trace:
    """What a training left behind."""

    losses: np.ndarray  # (iterations, 4 or 5): the columns of losses.csv
    arrays: Arrays  # after the last iteration
    loss_calls: int  # of `generator_loss`: once where a step is compiled, at every iteration where not
    random_state: np.ndarray | None  # of the generator that dropout draws from, where the networks have one


@dataclass
class MemoryRecorder:
    """In the place of `common.runs.recorder.Recorder`: the part of it that `training.train` uses."""

    config: Config
    start: Checkpoint
    last: int
    sample_noise: np.ndarray
    before_iteration: Any
    losses: list[list[float]] = field(default_factory=list)
    arrays: Arrays = field(default_factory=dict)

    def follow(
        self, make_images: Callable[[np.ndarray], np.ndarray], make_arrays: Callable[[], Arrays]
    ) -> None:
        self.make_arrays = make_arrays
        assert make_images(self.sample_noise).shape == (len(self.sample_noise), 784 + self.config.classes)

    def iterations(self) -> Iterator[int]:
        for iteration in range(self.start.iteration, self.last):
            self.before_iteration(iteration)
            yield iteration

    def record(self, iteration: int, measured: Mapping[str, float]) -> None:
        self.losses.append([measured[name] for name in OBJECTIVES[self.config.loss].header[1:]])
        if iteration + 1 == self.last:
            self.arrays = self.make_arrays()


@dataclass(frozen=True)
class PlayerFeed(Feed):
    """A feed in the dtype that a player computes in; with `dropout_seeds`, one batch for these iterations."""

    dtype: str = "float32"
    dropout_seeds: tuple[int, ...] = ()
    with_masks: bool = False

    def batch(self, iteration: int) -> Batch | CriticBatches:
        """The numbers of `Feed` in another dtype; where a process has some of the rows, set their masks."""
        if self.with_masks and self.devices > 1:
            share = self.config.batch_size, self.device, self.devices
            whole = masks(self.config, iteration)
            framework.set_masks(None, [mask[rows(len(mask), *share)] for mask in whole])
        batch = super().batch(0 if self.dropout_seeds else iteration)
        return type(batch)(*(array.astype(self.dtype) for array in batch))

    def dropout_seed(self, iteration: int) -> int:
        """One of those given, or the feed's own."""
        return self.dropout_seeds[iteration] if self.dropout_seeds else super().dropout_seed(iteration)


class Player:
    """One framework in a process of its own; `run` and the rest are carried out there."""

    def __init__(self, name: str, dtype: str, devices: int = 1) -> None:
        self.executor = ProcessPoolExecutor(
            1,
            multiprocessing.get_context("spawn"),
            initializer=import_framework,
            initargs=(name, dtype, devices),
        )

    def begin(self, task: str, *arguments: Any, **options: Any) -> Future[Any]:
        """Have a task carried out, and do not wait for its end."""
        return self.executor.submit(carry_out, task, *arguments, **options)

    def __getattr__(self, task: str) -> Any:
        return lambda *arguments, **options: self.begin(task, *arguments, **options).result()

    def stop(self) -> None:
        """End the process, without the seconds that frameworks take to clean up."""
        self.executor.submit(os._exit, 0)
        self.executor.shutdown()


# In the player's process --------------------------------------------------------------------------

framework: Any = None


def import_framework(name: str, dtype: str, devices: int) -> None:
    """Prepare this process; `dtype` is float32 or float64."""
    global framework
    engine = ENGINES[name]
    os.environ["KERAS_BACKEND"] = engine.keras_backend
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    implementation = importlib.import_module(f"{engine.package}.__main__").FRAMEWORK.load(devices)
    kind = {"PyTorch": InPyTorch, "TensorFlow": InTensorFlow, "Keras": InKeras}[engine.framework]
    framework = kind(engine, dtype, implementation)


class InFramework:
    """What is the same in all frameworks."""

    layers: Any
    networks: Any
    convolutional: Any
    training: Any
    variants: Any

    def __init__(self, engine: Engine, dtype: str, implementation: Implementation) -> None:
        package = engine.package
        self.layers = importlib.import_module(f"{package}.layers")
        self.networks = importlib.import_module(f"{package}.networks")
        self.convolutional = importlib.import_module(f"{package}.convolutional")
        self.training = importlib.import_module(f"{package}.training")
        self.variants = importlib.import_module(f"{package}.variants")
        self.select = importlib.import_module(f"{package}.device").select
        self.engine = engine
        self.implementation = implementation
        # Processes that train together meet for each training anew.
        self.device = self.select("cpu") if implementation.launch else implementation.select_device("cpu")
        self.package = engine.package
        self.dtype = dtype
        self.prepare()

    def command(self, line: str) -> tuple[int, str, str]:
        """Exit status, stdout and stderr of `python -m <package> <line>`."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main(importlib.import_module(f"{self.package}.__main__").FRAMEWORK, line.split())
            except SystemExit as ended:
                status = int(ended.code or 0)
        return status, out.getvalue(), err.getvalue()

    def variable(self, name: str) -> str | None:
        """What the environment says in this process."""
        return os.environ.get(name)

    def selected(self, names: Sequence[str]) -> list[str]:
        """The devices of these names."""
        return [str(self.select(name)) for name in names]

    def selected_beside_broken_gpu(self, name: str) -> tuple[str, str]:
        """The device of this name where the framework lists a GPU that is not there, and what that says."""
        err = io.StringIO()
        with self.broken_gpu(), redirect_stderr(err):
            return str(self.select(name)), err.getvalue()

    def broken_gpu(self) -> AbstractContextManager[Any]:
        """Make the framework list a GPU that is not there."""
        raise NotImplementedError

    def generate(self, config: Config, arrays: Arrays, noise: np.ndarray) -> np.ndarray:
        """Images from the generator of a checkpoint."""
        return self.variants.generate_from(config, arrays, noise, self.device)

    def run_as(
        self, number: int, count: int, port: int, config: Config, *arguments: Any, with_masks: bool
    ) -> Trace | None:
        """`run`, as one of several processes; the first has the trace."""
        os.environ |= {"RANK": f"{number}", "WORLD_SIZE": f"{count}", "MASTER_PORT": f"{port}"}
        os.environ |= {"MASTER_ADDR": "localhost", "LOCAL_RANK": f"{number}", "LOCAL_WORLD_SIZE": f"{count}"}
        if number > 0:
            with self.dropout_replaced(config, with_masks):
                follow(Framework(self.engine, lambda devices: self.implementation), "cpu", count)
            return None
        self.device = self.implementation.select_device("cpu")
        return self.run(config, *arguments, with_masks=with_masks)

    def dropout_replaced(self, config: Config, with_masks: bool) -> AbstractContextManager[Any]:
        """Networks that are made meanwhile take given masks, if they are to."""
        layer = self.masked_dropout(config) if with_masks else self.layers.Dropout
        stack = ExitStack()
        for module in (self.networks, self.convolutional):
            stack.enter_context(mock.patch.object(module, "Dropout", layer))
        return stack

    def score(self, config: Config, arrays: Arrays, images: np.ndarray) -> np.ndarray:
        """D(x) with the discriminator of a checkpoint, which has dropout when it trains."""
        discriminator, _ = self.variants.make_networks(config)
        self.variants.load_weights(discriminator, "discriminator", arrays)
        return self.score_with(discriminator, images)

    def prepare(self) -> None:
        """Make the framework compute in `dtype`."""
        raise NotImplementedError

    def masked_dropout(self, config: Config) -> Any:
        """What stands where the framework's `Dropout` does."""
        raise NotImplementedError

    def set_masks(self, gan: Any, new: list[np.ndarray]) -> None:
        """Give `masked_dropout` the masks of the next iteration."""
        raise NotImplementedError

    def score_with(self, discriminator: Any, images: np.ndarray) -> np.ndarray:
        """What the discriminator says outside training."""
        raise NotImplementedError

    def drop(self, rate: float, shape: tuple[int, int], seed: int, calls: int) -> list[np.ndarray]:
        """What dropout makes of ones in the first `calls` calls of an iteration that has this seed."""
        raise NotImplementedError

    def kept_on_devices(self, config: Config) -> list[np.ndarray]:
        """What the first dropout of an iteration keeps, on each device here: booleans (B, units)."""
        import tensorflow as tf

        name = "call" if self.engine.keras_backend else "__call__"
        drop, kept = getattr(self.layers.Dropout, name), defaultdict[int, list[np.ndarray]](list)

        @wraps(drop)
        def drop_and_tell(layer: Any, x: Any, training: bool = False) -> Any:
            y = drop(layer, x, training)
            if training:
                device = int(
                    tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
                )
                tf.py_function(lambda y: kept[device].append(y.numpy() != 0), [y], [])
            return y

        with mock.patch.object(self.layers.Dropout, name, drop_and_tell):
            self.run(config, initial_arrays(config), 0, 1)
        return [kept[device][0] for device in sorted(kept)]

    def random_state(self, gan: Any) -> np.ndarray | None:
        """The state of the generator that dropout draws from, where the networks have one."""
        return None

    def state_after(self, seed: int, calls: int) -> np.ndarray:
        """What `random_state` is after `calls` masks in an iteration that has this seed."""
        raise NotImplementedError

    def run(
        self,
        config: Config,
        arrays: Arrays,
        first: int,
        last: int,
        *,
        with_masks: bool = False,
        dropout_seeds: tuple[int, ...] = (),
    ) -> Trace:
        """Train from iteration `first` up to `last`."""
        with self.dropout_replaced(config, with_masks):
            gan = self.implementation.make_gan(replace(config, steps=last), self.device)

        def before_iteration(iteration: int) -> None:
            if with_masks:
                self.set_masks(gan, [mask.astype(self.dtype) for mask in masks(config, iteration)])

        images = scikit_learn_digits()
        feed = PlayerFeed(
            config,
            images.pixels,
            images.labels,
            dtype=self.dtype,
            dropout_seeds=dropout_seeds,
            with_masks=with_masks,
        )
        state = {name: array.astype(self.dtype) for name, array in arrays.items()}
        noise = np.zeros((2, config.noise_dim + config.classes), self.dtype)
        start = Checkpoint(first, config.as_dict(), state)
        memory = MemoryRecorder(config, start, last, noise, before_iteration)
        recorder: Any = memory
        if self.implementation.launch and (from_first := self.implementation.from_first):
            object_from_first((feed, start), from_first)
            recorder = Together(start, recorder, from_first)
        kind = type(gan)
        with mock.patch.object(kind, "generator_loss", side_effect=kind.generator_loss) as loss:
            self.implementation.train(gan, feed, recorder, self.device)
        return Trace(np.array(memory.losses), memory.arrays, loss.call_count, self.random_state(gan))


class InPyTorch(InFramework):
    def prepare(self) -> None:
        import torch

        torch.set_default_dtype(getattr(torch, self.dtype))

    def broken_gpu(self) -> AbstractContextManager[Any]:
        import torch

        return mock.patch.multiple(
            torch.accelerator,
            device_count=lambda: 1,
            current_accelerator=lambda: torch.device("cuda"),
        )

    def masked_dropout(self, config: Config) -> Any:
        import torch

        class MaskedDropout(torch.nn.Module):
            def __init__(self, p: float) -> None:
                super().__init__()
                assert p == config.dropout

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                if not self.training:
                    return x
                mask = torch.tensor(next(framework.waiting))
                if x.dim() == 4:
                    _, channels, height, width = x.shape
                    mask = mask.view(-1, height, width, channels).permute(0, 3, 1, 2)
                return x * mask

        return MaskedDropout

    def set_masks(self, gan: Any, new: list[np.ndarray]) -> None:
        self.waiting = iter(new)

    def score_with(self, discriminator: Any, images: np.ndarray) -> np.ndarray:
        import torch

        return discriminator.eval()(torch.tensor(images)).detach().numpy()

    def drop(self, rate: float, shape: tuple[int, int], seed: int, calls: int) -> list[np.ndarray]:
        import torch

        dropout = self.layers.Dropout(rate)
        torch.manual_seed(seed)
        return [dropout(torch.ones(shape)).numpy() for _ in range(calls)]


class InTensorFlow(InFramework):
    def prepare(self) -> None:
        self.layers.DTYPE = self.dtype

    def broken_gpu(self) -> AbstractContextManager[Any]:
        import tensorflow as tf

        return mock.patch.object(tf.config, "list_physical_devices", lambda kind: [kind])

    def masked_dropout(self, config: Config) -> Any:
        import tensorflow as tf

        self.masks = [tf.Variable(mask.astype(self.dtype)) for mask in masks(config, 0)]
        # Each device traces the step once and asks for each once.
        waiting = defaultdict[int, Iterator[Any]](lambda: iter(self.masks))

        class MaskedDropout(tf.Module):
            def __init__(self, rate: float, random: Any) -> None:
                super().__init__()
                assert rate == config.dropout

            def __call__(self, x: Any, training: bool) -> Any:
                if not training:
                    return x
                replica = tf.distribute.get_replica_context()
                device = int(tf.get_static_value(replica.replica_id_in_sync_group))
                mask = next(waiting[device])
                own = rows(mask.shape[0], config.batch_size, device, replica.num_replicas_in_sync)
                return x * tf.reshape(tf.gather(mask, own), tf.shape(x))

        return MaskedDropout

    def set_masks(self, gan: Any, new: list[np.ndarray]) -> None:
        for variable, mask in zip(self.masks, new, strict=True):
            variable.assign(mask)

    def score_with(self, discriminator: Any, images: np.ndarray) -> np.ndarray:
        return discriminator(images).numpy()

    def drop(self, rate: float, shape: tuple[int, int], seed: int, calls: int) -> list[np.ndarray]:
        import tensorflow as tf

        dropout = self.layers.Dropout(rate, self.seeded(seed))
        return [dropout(tf.ones(shape), training=True).numpy() for _ in range(calls)]

    def seeded(self, seed: int) -> Any:
        import tensorflow as tf

        random = tf.random.Generator.from_seed(0, alg="philox")
        random.reset([seed, 0, 0])
        return random

    def random_state(self, gan: Any) -> np.ndarray | None:
        return gan.discriminator.random.state.numpy()

    def state_after(self, seed: int, calls: int) -> np.ndarray:
        random = self.seeded(seed)
        for _ in range(calls):
            random.make_seeds(1)
        return random.state.numpy()


class InKeras(InFramework):
    def prepare(self) -> None:
        import keras
        from keras.src.backend.common import dtypes

        keras.config.set_floatx(self.dtype)
        if keras.config.backend() == "jax":
            import jax

            jax.config.update("jax_enable_x64", self.dtype == "float64")
        if self.dtype == "float64":
            # On JAX and PyTorch `ops.mean`, `ops.tanh` and `ops.matmul` compute float64 in float32.
            dtypes.BIT64_TO_BIT32_DTYPE.clear()

    def broken_gpu(self) -> AbstractContextManager[Any]:
        backend = importlib.import_module("keras_gan.backends").backend
        if hasattr(backend, "jax"):
            trouble = RuntimeError("Unable to initialize backend 'cuda': the GPU's driver is too old")
            found = backend.jax.local_devices()
            answers = chain([trouble], repeat(found))
            return mock.patch.object(backend.jax, "local_devices", side_effect=answers)
        gpu = "cuda:0" if hasattr(backend, "torch") else "gpu:0"
        found = backend.devices()
        return mock.patch.object(backend, "devices", lambda: [gpu, *found])

    def masked_dropout(self, config: Config) -> Any:
        import keras

        self.dropouts: list[Any] = []
        calls: dict[tuple[str, int], Iterator[Any]] = {}  # of a layer on a device

        class MaskedDropout(keras.layers.Layer):
            weights: Sequence[Any] = ()  # for a checkpoint there are none

            def __init__(self, rate: float, random: Any) -> None:
                super().__init__()
                assert rate == config.dropout
                framework.dropouts.append(self)

            def build(self, input_shape: tuple[int | None, ...]) -> None:
                units = math.prod(filter(None, input_shape))
                shapes = [mask.shape for mask in masks(config, 0) if mask.shape[1] == units]
                self.masks = [self.add_weight(shape=shape, trainable=False) for shape in shapes]

            def call(self, inputs: Any, training: bool = False) -> Any:
                if not training:
                    return inputs
                device, devices = framework.replica()
                mask = next(calls.setdefault((self.name, device), cycle(self.masks)))
                own = keras.ops.take(mask, rows(mask.shape[0], config.batch_size, device, devices), axis=0)
                return inputs * keras.ops.reshape(own, (-1, *inputs.shape[1:]))

        return MaskedDropout

    def replica(self) -> tuple[int, int]:
        """Which device traces the step, and how many do: in TensorFlow each does so once."""
        import keras

        if keras.config.backend() != "tensorflow":
            return 0, 1
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        return int(tf.get_static_value(replica.replica_id_in_sync_group)), replica.num_replicas_in_sync

    def set_masks(self, gan: Any, new: list[np.ndarray]) -> None:
        if hasattr(gan, "jax_state_sync"):
            gan.jax_state_sync()
        for number, mask in enumerate(new):
            call, layer = divmod(number, len(self.dropouts))
            self.dropouts[layer].masks[call].assign(mask)

    def score_with(self, discriminator: Any, images: np.ndarray) -> np.ndarray:
        import keras

        return keras.ops.convert_to_numpy(discriminator(images))

    def drop(self, rate: float, shape: tuple[int, int], seed: int, calls: int) -> list[np.ndarray]:
        import keras

        dropout = self.layers.Dropout(rate, self.seeded(seed))
        outputs = [dropout(keras.ops.ones(shape), training=True) for _ in range(calls)]
        return [keras.ops.convert_to_numpy(output) for output in outputs]

    def seeded(self, seed: int) -> Any:
        import keras

        random = keras.random.SeedGenerator(0)
        images = scikit_learn_digits()
        feed = PlayerFeed(
            Config(batch_size=1), images.pixels, images.labels, dtype=self.dtype, dropout_seeds=(seed,)
        )
        random.state.assign(self.training.Batches(feed, 0, 1)[0]["dropout_seed"])
        return random

    def random_state(self, gan: Any) -> np.ndarray | None:
        import keras

        return keras.ops.convert_to_numpy(gan.discriminator.random.state)

    def state_after(self, seed: int, calls: int) -> np.ndarray:
        import keras

        random = self.seeded(seed)
        for _ in range(calls):
            random.next()
        return keras.ops.convert_to_numpy(random.state)


def carry_out(task: str, *arguments: Any, **options: Any) -> Any:
    """A method of `InFramework`."""
    try:
        return getattr(framework, task)(*arguments, **options)
    finally:
        gc.collect()  # networks refer to each other: else gigabytes wait to be freed
