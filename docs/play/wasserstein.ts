/**
 * What a Wasserstein GAN changes: a critic in the place of the discriminator, with a gradient penalty.
 *
 * Arjovsky et al., 2017, arXiv:1701.07875; Gulrajani et al., 2017, arXiv:1704.00028: algorithm 1.
 */

import * as tf from "@tensorflow/tfjs-core";
import { GAN, type Batch } from "./training";

const PENALTY_WEIGHT = 10; // lambda

/** The GAN with a critic that learns several times in an iteration. */
export class WassersteinGAN extends GAN {
  readonly discriminatorSteps = 5;

  generatorLoss = (fakeLogits: tf.Tensor): tf.Scalar => tf.neg(tf.mean<tf.Scalar>(fakeLogits));

  /** -W = mean D(G(z)) - mean D(x). */
  discriminatorLoss = (realLogits: tf.Tensor, fakeLogits: tf.Tensor): tf.Scalar =>
    tf.sub(tf.mean(fakeLogits), tf.mean(realLogits));

  /** The critic has no sigmoid. */
  output(logits: tf.Tensor): tf.Tensor {
    return logits;
  }

  /** lambda · mean (|dD(x)/dx| - 1)^2, between real and generated images; itself to be differentiated. */
  penalty({ realImages, mixing }: Batch, fakeImages: tf.Tensor2D): tf.Scalar {
    const mixed = tf.add(fakeImages, tf.mul(mixing!, tf.sub(realImages, fakeImages)));
    const gradients = tf.grad((images) => tf.sum(this.logits(images as tf.Tensor2D)))(mixed);
    const norms = tf.sqrt(tf.add(tf.sum(tf.square(gradients), 1), 1e-12)); // never 0, which has no slope
    return tf.mul(PENALTY_WEIGHT, tf.mean(tf.square(tf.sub(norms, 1))));
  }
}
