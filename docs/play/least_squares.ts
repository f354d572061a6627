/** What a least-squares GAN changes: Mao et al., 2016, arXiv:1611.04076, equation 9. */

import * as tf from "@tensorflow/tfjs-core";
import { GAN } from "./training";

function halfMeanSquare(x: tf.Tensor): tf.Scalar {
  return tf.mul(0.5, tf.mean(tf.square(x)));
}

/** The GAN with these losses; one iteration is the same. */
export class LeastSquaresGAN extends GAN {
  discriminatorLoss = (realLogits: tf.Tensor, fakeLogits: tf.Tensor): tf.Scalar =>
    tf.add(halfMeanSquare(tf.sub(realLogits, 1)), halfMeanSquare(fakeLogits));

  generatorLoss = (fakeLogits: tf.Tensor): tf.Scalar => halfMeanSquare(tf.sub(fakeLogits, 1));

  /** Logits are D(x) here, without a sigmoid. */
  output(logits: tf.Tensor): tf.Tensor {
    return logits;
  }
}
