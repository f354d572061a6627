/**
 * The adversarial game: losses and one iteration, as in `pytorch_gan/training.py`.
 *
 * Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: equation 1 and algorithm 1,
 * with the non-saturating generator loss of section 3.
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "./networks";

const EPSILON = 1e-8; // of Adam, added after the bias correction, as in its algorithm 1

export interface Settings {
  dLearningRate: number;
  gLearningRate: number;
  beta1: number; // Adam's decays
  beta2: number;
  dropout: number;
  generatorFirst: boolean;
  detach: boolean;
}

/** What one discriminator step consumes. */
export interface Batch {
  realImages: tf.Tensor2D;
  noise: tf.Tensor2D;
  mixing?: tf.Tensor2D; // (B, 1), uniform in [0, 1): for a Wasserstein GAN, see there
}

export type Metrics = Record<string, tf.Scalar>;
export type Gradients = { name: string; tensor: tf.Tensor }[];

/** L_D = -mean log D(x) - mean log(1 - D(G(z))), from logits (B, 1): -log D = log(1 + exp(-l)). */
export function discriminatorLoss(realLogits: tf.Tensor, fakeLogits: tf.Tensor): tf.Scalar {
  return tf.add(tf.mean(tf.softplus(tf.neg(realLogits))), tf.mean(tf.softplus(fakeLogits)));
}

/** L_G = -mean log D(G(z)): ln 2 = 0.693 where D knows nothing. */
export function generatorLoss(fakeLogits: tf.Tensor): tf.Scalar {
  return tf.mean(tf.softplus(tf.neg(fakeLogits)));
}

/** Both networks with their optimisers, and what one iteration does to them. */
export class GAN {
  // Another loss is a subclass that changes these: see least_squares.ts and wasserstein.ts.
  discriminatorLoss = discriminatorLoss;
  generatorLoss = generatorLoss;
  readonly discriminatorSteps: number = 1; // in one iteration

  private readonly dOptimizer: tf.AdamOptimizer;
  private readonly gOptimizer: tf.AdamOptimizer;

  constructor(
    readonly settings: Settings, // learning rates and betas are read here, the others at every iteration
    readonly discriminator: Network,
    readonly generator: Network,
  ) {
    const { dLearningRate, gLearningRate, beta1, beta2 } = settings;
    this.dOptimizer = tf.train.adam(dLearningRate, beta1, beta2, EPSILON);
    this.gOptimizer = tf.train.adam(gLearningRate, beta1, beta2, EPSILON);
  }

  /** Logits (B, 1) -> D(x) (B, 1), to report. */
  output(logits: tf.Tensor): tf.Tensor {
    return tf.sigmoid(logits);
  }

  /** What is added to the discriminator's loss: nothing here. */
  penalty(_batch: Batch, _fakeImages: tf.Tensor2D): tf.Scalar {
    return tf.scalar(0);
  }

  /** Logits in training: dropout behind each hidden layer. */
  logits(images: tf.Tensor2D): tf.Tensor2D {
    const { dropout } = this.settings;
    return this.discriminator.call(images, (x) => (dropout > 0 ? tf.dropout(x, dropout) : x) as tf.Tensor2D);
  }

  /**
   * One iteration: the discriminator learns, then the generator from the better discriminator.
   *
   * `batches` has one for each discriminator step. What is returned is the caller's to dispose.
   */
  trainStep(batches: Batch[], gNoise: tf.Tensor2D): Metrics {
    return tf.tidy(() => {
      const first = this.settings.generatorFirst ? this.generatorStep(gNoise) : {};
      let metrics: Metrics = {};
      for (const batch of batches) {
        tf.dispose(metrics);
        metrics = this.discriminatorStep(batch);
      }
      const last = this.settings.generatorFirst ? {} : this.generatorStep(gNoise);
      return { ...metrics, ...first, ...last };
    });
  }

  /** The discriminator learns to tell real images from generated ones. */
  discriminatorStep(batch: Batch): Metrics {
    const { metrics, gradients } = this.discriminatorGradients(batch);
    // 3. Update the discriminator.
    this.dOptimizer.applyGradients(gradients);
    return metrics;
  }

  discriminatorGradients(batch: Batch): { metrics: Metrics; gradients: Gradients } {
    const { realImages, noise } = batch;
    let metrics: Metrics = {};
    // 1. Generate images for the discriminator. Outside of what is differentiated they are cut off from
    //    the generator: its gradients would be computed here and thrown away.
    const detached = this.settings.detach ? this.generator.call(noise) : undefined;
    const loss = () => {
      const fakeImages = detached ?? this.generator.call(noise);

      // 2. Let the discriminator look at both, in one pass.
      const logits = this.logits(tf.concat([realImages, fakeImages]));
      const [realLogits, fakeLogits] = tf.split(logits, 2);
      const dLoss = this.discriminatorLoss(realLogits, fakeLogits);
      metrics = {
        dLoss: tf.keep(tf.clone(dLoss)),
        dReal: tf.keep(tf.mean(this.output(realLogits))),
        dFake: tf.keep(tf.mean(this.output(fakeLogits))),
      };
      return tf.add(dLoss, this.penalty(batch, fakeImages)) as tf.Scalar;
    };
    return { ...this.differentiate(loss, this.discriminator, detached ? [] : [this.generator]), metrics };
  }

  /** The generator learns to deceive the discriminator. */
  generatorStep(noise: tf.Tensor2D): Metrics {
    const { metrics, gradients } = this.generatorGradients(noise);
    // 5. Update the generator.
    this.gOptimizer.applyGradients(gradients);
    return metrics;
  }

  generatorGradients(noise: tf.Tensor2D): { metrics: Metrics; gradients: Gradients } {
    // 4. Ask the discriminator as it is now. The gradient passes through it; its weights stay.
    const loss = () => this.generatorLoss(this.logits(this.generator.call(noise)));
    const { value, gradients } = this.differentiate(loss, this.generator);
    return { metrics: { gLoss: value }, gradients };
  }

  /** The gradients for the weights of `learner`; those for `others` are computed and thrown away. */
  private differentiate(loss: () => tf.Scalar, learner: Network, others: Network[] = []) {
    const learning = [...learner.weights.values()];
    const asked = [learner, ...others].flatMap((network) => [...network.weights.values()]);
    const { value, grads } = tf.variableGrads(loss, asked);
    return { value, gradients: learning.map(({ name }) => ({ name, tensor: grads[name] })) };
  }

  dispose(): void {
    for (const one of [this.dOptimizer, this.gOptimizer, this.discriminator, this.generator]) one.dispose();
  }
}
