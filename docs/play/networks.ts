/** The two players, as the table of layers in `common/networks.py` has them. */

import * as tf from "@tensorflow/tfjs-core";
import type { Random } from "./random";

const STRIDE = 2; // of every convolution; the padding is 1, which for 4 x 4 kernels is "same"
const EPSILON = 1e-5; // of batch normalisation
const SLOPE = 0.2; // LeakyReLU(x) = max(x, 0.2 x)
const PIXELS = 784;

type Activation = "LeakyReLU" | "tanh" | "none";

/** One row of the table, under the names that Python gives it. */
export type Layer = { name: string; activation: Activation } & (
  | { kind: "Dense"; fan_in: number; fan_out: number; has_bias: boolean }
  | { kind: "Convolution"; size: number; channels_in: number; channels_out: number }
  | { kind: "TransposedConvolution"; size: number; channels_in: number; channels_out: number; has_bias: boolean }
  | { kind: "BatchNormalisation"; channels: number; units: number }
  | { kind: "LabelPlanes"; classes: number }
);

export type Arrays = Map<string, { shape: number[]; values: Float32Array }>; // by their canonical names
export type Weights = Map<string, tf.Variable>;

/** Layers, one after the other, each taking and making rows of numbers, one for each image. */
export class Network {
  readonly weights: Weights = new Map();

  /** `name` is discriminator or generator; of `arrays` those are taken that are its own. */
  constructor(
    readonly name: string,
    readonly layers: readonly Layer[],
    arrays: Arrays,
  ) {
    for (const [key, { shape, values }] of arrays) {
      if (key.startsWith(`${name}.`)) {
        this.weights.set(key, tf.variable(tf.tensor(values, shape, "float32"), true));
      }
    }
  }

  /** float32 (B, numbers in) -> (B, numbers out); `dropout` is what stands behind each hidden layer. */
  call(x: tf.Tensor2D, dropout: (x: tf.Tensor2D) => tf.Tensor2D = (x) => x): tf.Tensor2D {
    for (const layer of this.layers) {
      x = activate(this.apply(layer, x), layer.activation);
      if (layer.activation === "LeakyReLU") x = dropout(x);
    }
    return x;
  }

  /** What a layer makes of `x`, before its activation; batch normalisation as it is after the training. */
  private apply(layer: Layer, x: tf.Tensor2D): tf.Tensor2D {
    const weight = <T extends tf.Tensor>(name: string) =>
      this.weights.get(`${this.name}.${layer.name}.${name}`) as tf.Tensor as T;
    const withBias = (y: tf.Tensor) => (weight("bias") ? tf.add(y, weight("bias")) : y);
    switch (layer.kind) {
      case "Dense":
        return withBias(tf.matMul(x, weight<tf.Tensor2D>("kernel"))) as tf.Tensor2D;
      case "Convolution": {
        const images = tf.reshape(x, [-1, layer.size, layer.size, layer.channels_in]) as tf.Tensor4D;
        return rows(withBias(tf.conv2d(images, weight<tf.Tensor4D>("kernel"), STRIDE, "same")));
      }
      case "TransposedConvolution": {
        const { size, channels_in, channels_out } = layer;
        const images = tf.reshape(x, [-1, size, size, channels_in]) as tf.Tensor4D;
        const made: [number, number, number, number] = [x.shape[0], STRIDE * size, STRIDE * size, channels_out];
        return rows(withBias(tf.conv2dTranspose(images, weight<tf.Tensor4D>("kernel"), made, STRIDE, "same")));
      }
      case "BatchNormalisation": {
        const each = tf.reshape(x, [-1, layer.channels]);
        const deviation = tf.sqrt(tf.add(weight("running_variance"), EPSILON));
        const scaled = tf.div(tf.sub(each, weight("running_mean")), deviation);
        return tf.reshape(tf.add(tf.mul(weight("gamma"), scaled), weight("beta")), [-1, layer.units]);
      }
      case "LabelPlanes": {
        const [pixels, labels] = tf.split(x, [PIXELS, layer.classes], 1);
        const planes = tf.tile(tf.expandDims(labels, 1), [1, PIXELS, 1]);
        return rows(tf.concat([tf.expandDims(pixels, 2), planes], 2));
      }
    }
  }

  dispose(): void {
    for (const weight of this.weights.values()) weight.dispose();
  }
}

function rows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [x.shape[0], -1]);
}

function activate(x: tf.Tensor2D, activation: Activation): tf.Tensor2D {
  // Not `tf.leakyRelu`, whose gradient has no gradient: a gradient penalty needs one.
  if (activation === "LeakyReLU") return tf.add(tf.mul(SLOPE, x), tf.mul(1 - SLOPE, tf.relu(x)));
  return activation === "tanh" ? tf.tanh(x) : x;
}

/** Dense layers from each width to the next; the hidden ones have `hidden` behind them, the last one `last`. */
export function denseLayers(widths: number[], hidden: Activation, last: Activation): Layer[] {
  return widths.slice(1).map((fan_out, index) => ({
    kind: "Dense",
    name: `dense${index + 1}`,
    fan_in: widths[index],
    fan_out,
    activation: index === widths.length - 2 ? last : hidden,
    has_bias: true,
  }));
}

/** A network of dense layers before its training: kernels and biases uniform in ±1/sqrt(fan-in). */
export function untrained(name: string, layers: Layer[], random: Random): Network {
  const arrays: Arrays = new Map();
  for (const layer of layers) {
    if (layer.kind !== "Dense") throw new Error(`${layer.kind} is not trained in this page.`);
    const bound = 1 / Math.sqrt(layer.fan_in);
    for (const [key, shape] of [["kernel", [layer.fan_in, layer.fan_out]], ["bias", [layer.fan_out]]] as const) {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      arrays.set(`${name}.${layer.name}.${key}`, {
        shape: [...shape],
        values: values.map(() => bound * (2 * random.uniform() - 1)),
      });
    }
  }
  return new Network(name, layers, arrays);
}
