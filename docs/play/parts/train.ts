/** Train: the GAN of step 1 learns in the page. */

import * as tf from "@tensorflow/tfjs-core";
import { announcement, button, checkbox, choice, element, group, nextFrame, slider, Switch } from "../controls";
import { loadDigits } from "../digits";
import { LeastSquaresGAN } from "../least_squares";
import { denseLayers, untrained } from "../networks";
import { Chart, drawImages, imageCanvas, PIXELS } from "../pictures";
import { Random } from "../random";
import { GAN, type Batch } from "../training";
import { WassersteinGAN } from "../wasserstein";
import { words } from "../words";
import { legend } from "./one_dimension";

const LOSSES = { "non-saturating": GAN, "least-squares": LeastSquaresGAN, wasserstein: WassersteinGAN };
// Hidden layers are so many times as wide as those of step 1, and a batch has so many images.
const SIZES = { quarter: { scale: 1 / 4, batchSize: 32 }, full: { scale: 1, batchSize: 64 } };
const SAMPLES = 16;
const POINTS = 300; // of a curve

export function train(part: HTMLElement, engine: string): void {
  const text = words.train;
  // As in `common/config.py`, but for the learning rate: small networks learn faster with a larger one.
  const settings = {
    dLearningRate: 1e-3, gLearningRate: 1e-3, beta1: 0.5, beta2: 0.999, dropout: 0.3, generatorFirst: false, detach: true,
  };
  let loss: keyof typeof LOSSES = "non-saturating";
  let size: keyof typeof SIZES = "quarter";
  let seed = 0;

  let random = new Random(seed);
  let gan: GAN | undefined;
  let realImages: Float32Array | undefined;
  let sampleNoise: Float32Array;
  let iteration = 0;
  let history: Record<string, number>[] = [];

  const picture = imageCanvas(4, 4, text.picture);
  let chart = new Chart(text.losses, [0, 1], [0, 3]);
  const counter = element("output", { className: "play-counter" });
  const says = announcement();
  const running = new Switch(text.play, text.pause, (on) => on && void run());
  const noiseDim = WIDTHS.generator[0];
  const names: [string, string][] = [["d", text.dLoss], ["g", text.gLoss]];

  part.append(
    group(
      running.button,
      button(text.step, () => {
        running.set(false);
        void step(1);
      }),
      button(text.restart, restart),
      counter,
    ),
    element("div", { className: "play-train" }, picture, element("div", {}, chart.svg, legend(names))),
    group(
      choice(text.loss, Object.keys(LOSSES).map((name) => [name, text.lossNames[name as keyof typeof LOSSES]]), (name) => {
        loss = name as keyof typeof LOSSES;
        restart();
      }),
      choice(text.size, Object.keys(SIZES).map((name) => [name, text.sizes[name as keyof typeof SIZES]]), (name) => {
        size = name as keyof typeof SIZES;
        restart();
      }),
      choice(text.order, [["false", text.dFirst], ["true", text.gFirst]], (value) => {
        settings.generatorFirst = value === "true";
      }),
      checkbox(text.detach, true, (checked) => (settings.detach = checked)),
    ),
    group(
      slider({ label: text.rate, min: -5, max: -2, step: 0.1, value: -3, show: (value) => (10 ** value).toPrecision(1) }, (value) => {
        settings.dLearningRate = settings.gLearningRate = 10 ** value;
        restart();
      }),
      slider({ label: text.dropout, min: 0, max: 0.9, step: 0.1, value: 0.3, show: (value) => value.toFixed(1) }, (value) => {
        settings.dropout = value;
      }),
      slider({ label: text.seed, min: 0, max: 9, step: 1, value: 0 }, (value) => {
        seed = value;
        restart();
      }),
    ),
    says,
  );
  says.textContent = text.engine(engine);

  function restart(): void {
    gan?.dispose();
    random = new Random(seed);
    const widths = ([first, ...rest]: readonly number[]) => {
      const last = rest.pop()!;
      return [first, ...rest.map((width) => width * SIZES[size].scale), last];
    };
    const discriminator = denseLayers(widths(WIDTHS.discriminator), "LeakyReLU", "none");
    const generator = denseLayers(widths(WIDTHS.generator), "LeakyReLU", "tanh");
    gan = new LOSSES[loss](
      settings,
      untrained("discriminator", discriminator, random),
      untrained("generator", generator, random),
    );
    sampleNoise = random.normals(SAMPLES * noiseDim);
    iteration = 0;
    history = [];
    const range: [number, number] = loss === "wasserstein" ? [-20, 20] : loss === "least-squares" ? [0, 1] : [0, 3];
    const fresh = new Chart(text.losses, [0, 1], range);
    fresh.ticks(range);
    chart.svg.replaceWith(fresh.svg);
    chart = fresh;
    void look();
  }

  /** Images drawn with replacement, and noises. */
  function batch(images: Float32Array): Batch {
    const { batchSize } = SIZES[size];
    const chosen = new Float32Array(batchSize * PIXELS);
    for (let row = 0; row < batchSize; row++) {
      const start = random.below(images.length / PIXELS) * PIXELS;
      chosen.set(images.subarray(start, start + PIXELS), row * PIXELS);
    }
    return {
      realImages: tf.tensor2d(chosen, [batchSize, PIXELS]),
      noise: noise(),
      mixing: tf.tensor2d(Float32Array.from({ length: batchSize }, () => random.uniform()), [batchSize, 1]),
    };
  }

  function noise(): tf.Tensor2D {
    const { batchSize } = SIZES[size];
    return tf.tensor2d(random.normals(batchSize * noiseDim), [batchSize, noiseDim]);
  }

  /** Some iterations, and then what they lead to. */
  async function step(count: number): Promise<void> {
    realImages ??= await loadDigits();
    const learning = gan!;
    for (let number = 0; number < count; number++) {
      const metrics = tf.tidy(() => {
        const batches = Array.from({ length: learning.discriminatorSteps }, () => batch(realImages!));
        return learning.trainStep(batches, noise());
      });
      const values = await Promise.all(Object.entries(metrics).map(async ([name, one]) => [name, (await one.data())[0]]));
      tf.dispose(metrics);
      if (gan !== learning) return; // begun anew meanwhile
      history.push(Object.fromEntries(values));
      iteration++;
    }
    await look();
  }

  async function look(): Promise<void> {
    const learning = gan!;
    const images = tf.tidy(() => learning.generator.call(tf.tensor2d(sampleNoise, [SAMPLES, noiseDim])));
    drawImages(picture, (await images.data()) as Float32Array);
    images.dispose();
    const width = Math.max(Math.ceil(history.length / POINTS), 1); // iterations that a point is the mean of
    chart.from0to = Math.max(history.length, 10);
    for (const [kind, name] of [["d", "dLoss"], ["g", "gLoss"]]) {
      const points: [number, number][] = [];
      for (let start = 0; start + width <= history.length; start += width) {
        const values = history.slice(start, start + width).map((row) => row[name]);
        points.push([start + width, values.reduce((sum, value) => sum + value, 0) / width]);
      }
      if (points.length) chart.curve(kind, points);
    }
    const last = history.at(-1);
    counter.textContent = text.counter(iteration, last && [last.dLoss.toFixed(2), last.gLoss.toFixed(2)]);
    part.dataset.tensors = String(tf.memory().numTensors);
  }

  async function run(): Promise<void> {
    if (!realImages) says.textContent = text.loading;
    realImages ??= await loadDigits();
    let every = 1; // iterations between two looks: a quarter of a second
    while (running.on) {
      const started = performance.now();
      await step(every);
      const seconds = (performance.now() - started) / 1000;
      says.textContent = `${text.engine(engine)} ${text.speed((every / seconds).toPrecision(2))}`;
      every = Math.max(1, Math.min(50, Math.round((every / seconds) * 0.25)));
      await nextFrame();
    }
  }

  restart();
}
