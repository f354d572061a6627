/** Judge: how real a digit looks to the discriminator, and what it would change in it. */

import * as tf from "@tensorflow/tfjs-core";
import { announcement, button, element, group } from "../controls";
import { toImage } from "../digits";
import { loadPair, unseenDigit } from "../pair";
import { drawImages, drawWishes, imageCanvas, PIXELS } from "../pictures";
import { Random } from "../random";
import { Sketch } from "../sketch";
import { words } from "../words";
import { generate } from "./draw";

export function judge(part: HTMLElement): void {
  const text = words.judge;
  const random = new Random(Date.now());
  let latest: Float32Array | undefined; // image to judge

  const sketch = new Sketch(text.pad, () => {
    const counts = sketch.counts();
    void look(counts && toImage(counts));
  });
  const image = imageCanvas(1, 1, text.image);
  const wishes = imageCanvas(1, 1, text.wishes);
  const says = announcement();
  part.append(
    group(
      button(text.clear, () => sketch.clear()),
      button(text.generated, async () => {
        sketch.clear();
        const { generator } = await loadPair();
        void look(await generate(generator, random.normals(PAIR.noise_dim), 1));
      }),
      button(text.real, async () => {
        sketch.clear();
        void look(unseenDigit(await loadPair(), random));
      }),
    ),
    element(
      "div",
      { className: "play-judge" },
      figure(sketch.canvas, text.padName),
      figure(image, text.image),
      figure(wishes, text.wishes),
    ),
    says,
  );
  void look(undefined);

  /** Show an image, D(x), and the gradient of D's logit, which the generator learns from: D is surer a step along it. */
  async function look(pixels: Float32Array | undefined): Promise<void> {
    latest = pixels;
    if (!pixels) {
      drawImages(image, new Float32Array(PIXELS).fill(-1));
      drawWishes(wishes, new Float32Array(PIXELS));
      says.textContent = text.draw;
      return;
    }
    drawImages(image, pixels);
    const { discriminator } = await loadPair();
    if (latest !== pixels) return; // drawn on meanwhile
    const { logit, gradient } = tf.tidy(() => {
      const logits = (x: tf.Tensor) => tf.sum(discriminator.call(x as tf.Tensor2D));
      const { value, grad } = tf.valueAndGrad(logits)(tf.tensor2d(pixels, [1, PIXELS]));
      return { logit: value.dataSync()[0], gradient: grad.dataSync() as Float32Array };
    });
    drawWishes(wishes, gradient);
    says.textContent = text.verdict((1 / (1 + Math.exp(-logit))).toFixed(2), logit > 0);
  }

  function figure(canvas: HTMLCanvasElement, caption: string): HTMLElement {
    return element("figure", {}, canvas, element("figcaption", {}, caption));
  }
}
