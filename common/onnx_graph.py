"""The table of layers -> ONNX: each layer as the operators that its formula consists of.

Between layers there are rows of numbers, one for each image, in the order (height, width, channels), as in
`common/networks.py`, while ONNX convolves (channels, height, width). What is turned to and fro between two
layers is left out again by whatever runs the network.

https://onnx.ai/onnx/operators/
"""

from collections.abc import Mapping
from functools import singledispatchmethod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common.checkpoint import Arrays
from common.config import Config
from common.data.mnist import PIXELS
from common.networks import (
    EPSILON,
    PADDING,
    SLOPE,
    STRIDE,
    BatchNormalisation,
    Convolution,
    Dense,
    LabelPlanes,
    Layer,
    Network,
    TransposedConvolution,
)

OPSET, IR_VERSION = 17, 8  # of operators and file: of 2022, so that older programs read it too
ENDS = {"generator": ("noise", "images"), "discriminator": ("images", "logits")}  # input and output
CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # of images
KERNEL_AXES = (3, 2, 0, 1)  # (height, width, in, out) -> (out, in, height, width); transposed ones likewise
SAME_PLACES: dict[str, Any] = {"strides": [STRIDE] * 2, "pads": [PADDING] * 4}


def to_onnx(network: Network, arrays: Arrays, config: Config, about: Mapping[str, str]) -> bytes:
    """An ONNX file, float32: noise (N, noise_dim) -> images (N, 784), or images (N, 784) -> logits (N, 1).

    N is whatever comes. With labels noise and images have `classes` numbers more in a row, see
    `feed.with_labels`.

    Args:
        arrays: those of a checkpoint, or their averages.
        about: goes to the file's metadata.
    """
    source, target = ENDS[network.name]
    units = {"noise": config.noise_dim, "images": PIXELS}[source] + config.classes
    graph = Graph(source, f"{network.name}.", arrays)
    for layer in network.layers:
        graph.add(layer)
    graph.call("Identity", output=target)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["N", units])],
            [helper.make_tensor_value_info(target, TensorProto.FLOAT, ["N", network.layers[-1].units])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gan-step-by-step",
    )
    helper.set_model_props(model, dict(about))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


class Graph:
    """Operators, one after the other, each taking what the one before it made."""

    def __init__(self, source: str, prefix: str, arrays: Arrays) -> None:
        self.x = source  # what the next operator takes
        self.prefix = prefix  # of the weights' names
        self.arrays = arrays
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def call(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator that takes `x` and then `inputs`; what it makes is `x` from now on."""
        name = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.x, *inputs], [name], **attributes))
        self.x = name
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        """Add an array under this name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weights(self, layer: Layer) -> list[str]:
        """Add the weights of a layer; kernels of convolutions in the order that ONNX has."""
        names = [f"{self.prefix}{layer.name}.{name}" for name in layer.weights]
        arrays = [self.arrays[name].astype(np.float32) for name in names]
        return [
            self.constant(name, array.transpose(KERNEL_AXES) if array.ndim == 4 else array)
            for name, array in zip(names, arrays, strict=True)
        ]

    def reshape(self, *shape: int) -> None:
        """Give `x` this shape, for any number of images."""
        name = f"shape_{len(self.nodes)}"
        self.call("Reshape", self.constant(name, np.array([-1, *shape], np.int64)))

    def activate(self, layer: Layer) -> None:
        """What stands behind the layer."""
        if layer.activation == "LeakyReLU":
            self.call("LeakyRelu", alpha=SLOPE)
        elif layer.activation == "tanh":
            self.call("Tanh")

    @singledispatchmethod
    def add(self, layer: Layer) -> None:
        """Add a layer."""
        raise NotImplementedError(type(layer).__name__)

    @add.register
    def _(self, layer: Dense) -> None:
        self.call("Gemm", *self.weights(layer))
        self.activate(layer)

    @add.register
    def _(self, layer: Convolution | TransposedConvolution) -> None:
        operator = "Conv" if isinstance(layer, Convolution) else "ConvTranspose"
        self.reshape(layer.size, layer.size, layer.channels_in)
        self.call("Transpose", perm=CHANNELS_FIRST)
        self.call(operator, *self.weights(layer), **SAME_PLACES)
        self.activate(layer)
        self.call("Transpose", perm=CHANNELS_LAST)
        self.reshape(layer.units)

    @add.register
    def _(self, layer: BatchNormalisation) -> None:
        self.reshape(layer.channels)
        self.call("BatchNormalization", *self.weights(layer), epsilon=EPSILON)
        self.activate(layer)
        self.reshape(layer.units)

    @add.register
    def _(self, layer: LabelPlanes) -> None:
        rows = self.x
        sizes = self.constant(f"{layer.name}.sizes", np.array([PIXELS, layer.classes], np.int64))
        pixels, self.x = f"{layer.name}.pixels", f"{layer.name}.one_hot"
        self.nodes.append(helper.make_node("Split", [rows, sizes], [pixels, self.x], axis=1))
        self.reshape(1, layer.classes)
        shape = np.array([1, PIXELS, layer.classes], np.int64)
        planes = self.call("Expand", self.constant(f"{layer.name}.shape", shape))
        self.x = pixels
        self.reshape(PIXELS, 1)
        self.call("Concat", planes, axis=2)
        self.reshape(layer.units)
