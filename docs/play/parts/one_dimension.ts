/** One dimension: the GAN of chapter 1, whose images are single numbers; see `docs/figures/one_dimension.py`. */

import * as tf from "@tensorflow/tfjs-core";
import { button, choice, element, group, nextFrame, slider, Switch } from "../controls";
import { denseLayers, untrained } from "../networks";
import { Chart } from "../pictures";
import { Random } from "../random";
import { GAN } from "../training";
import { words } from "../words";

// p_data: share, mean and standard deviation of each Gaussian
const HILLS = {
  1: [[1, 1, 0.6]],
  2: [[0.4, -1.5, 0.5], [0.6, 1.5, 0.7]],
  3: [[0.3, -2.5, 0.4], [0.4, 0, 0.4], [0.3, 2.5, 0.4]],
};
const WIDTH = 32; // units in each of the two hidden layers
const BATCH_SIZE = 256;
const NOISES = 1000; // from which p_g is drawn, spread as N(0, 1) is
const WINDOW = 0.08; // of the narrow Gaussian around each of them
const X = Array.from({ length: 161 }, (_, place) => -4 + place / 20);
const NORMAL = (x: number) => Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI);

export function oneDimension(part: HTMLElement): void {
  const text = words.oneDimension;
  let hills = HILLS[2];
  let [dLearningRate, gLearningRate] = [1e-2, 5e-4];
  let random = new Random(0);
  let gan: GAN | undefined;
  let iteration = 0;
  let everyFrame = 1;

  const upper = new Chart(text.upper, [-4, 4], [-0.03, 1.03]);
  const middle = new Chart(text.middle, [-4, 4], [0, 0.75]);
  const lower = new Chart(text.lower, [-4, 4], [0, 1], 480, 100);
  upper.ticks([0, 0.5, 1]);
  middle.ticks([0, 0.5]);
  const counter = element("output", { className: "play-counter" });
  const running = new Switch(text.play, text.pause, (on) => on && void run());
  const rates = { min: -4, max: -1.5, step: 0.1, show: (value: number) => (10 ** value).toPrecision(1) };

  part.append(
    group(
      choice(text.hills, ["2", "1", "3"].map((count) => [count, count]), (count) => {
        hills = HILLS[Number(count) as 1 | 2 | 3];
        restart();
      }),
      slider({ label: text.dRate, value: -2, ...rates }, (value) => {
        dLearningRate = 10 ** value;
        restart();
      }),
      slider({ label: text.gRate, value: -3.3, ...rates }, (value) => {
        gLearningRate = 10 ** value;
        restart();
      }),
      slider({ label: text.speed, min: 1, max: 20, step: 1, value: 1 }, (value) => (everyFrame = value)),
    ),
    group(
      running.button,
      button(text.step, () => {
        running.set(false);
        step();
        look();
      }),
      button(text.restart, restart),
      counter,
    ),
    upper.svg,
    legend([["d", "D(x)"], ["best", text.best]]),
    middle.svg,
    legend([["data", "p_data"], ["g", "p_g"]]),
    lower.svg,
    legend([["walk", text.walk]]),
  );

  function density(x: number): number {
    return hills.reduce((sum, [share, mean, sd]) => sum + (share * NORMAL((x - mean) / sd)) / sd, 0);
  }

  /** Numbers (BATCH_SIZE, 1) drawn from p_data. */
  function realBatch(): tf.Tensor2D {
    const values = random.normals(BATCH_SIZE).map((z) => {
      let left = random.uniform();
      const [, mean, sd] = hills.find(([share]) => (left -= share) < 0) ?? hills[0];
      return mean + sd * z;
    });
    return tf.tensor2d(values, [BATCH_SIZE, 1]);
  }

  function restart(): void {
    gan?.dispose();
    random = new Random(0);
    const layers = denseLayers([1, WIDTH, WIDTH, 1], "tanh", "none");
    const settings = {
      dLearningRate, gLearningRate, beta1: 0.5, beta2: 0.999, dropout: 0, generatorFirst: false, detach: true,
    };
    gan = new GAN(settings, untrained("discriminator", layers, random), untrained("generator", layers, random));
    iteration = 0;
    look();
  }

  function step(): void {
    tf.tidy(() => {
      const noise = () => tf.tensor2d(random.normals(BATCH_SIZE), [BATCH_SIZE, 1]);
      tf.dispose(gan!.trainStep([{ realImages: realBatch(), noise: noise() }], noise()));
    });
    iteration++;
  }

  /** Draw what both networks do now. */
  function look(): void {
    const [d, samples] = tf.tidy(() => [
      tf.sigmoid(gan!.discriminator.call(tf.tensor2d(X, [X.length, 1]))).dataSync(),
      gan!.generator.call(tf.tensor2d(SPREAD, [NOISES, 1])).dataSync(),
    ]);
    const [real, made] = [X.map(density), histogram(samples)];
    const curve = (values: ArrayLike<number>) => X.map((x, place): [number, number] => [x, values[place]]);
    const best = X.flatMap((x, place): [number, number][] => {
      const both = real[place] + made[place];
      return both > 0.01 ? [[x, real[place] / both]] : [];
    });
    upper.lines("half", [[[-4, 0.5], [4, 0.5]]]);
    upper.curve("best", best);
    upper.curve("d", curve(d));
    middle.curve("data", [[-4, 0], ...curve(real), [4, 0]]);
    middle.curve("g", curve(made));
    const shown = SPREAD.filter((_, place) => place % 20 === 10);
    lower.lines("walk", Array.from(shown, (z, place) => [[z, 1], [samples[20 * place + 10], 0]]));
    const distance = real.reduce((sum, value, place) => sum + Math.abs(value - made[place]), 0) / 40;
    counter.textContent = text.counter(iteration, distance.toFixed(2));
  }

  async function run(): Promise<void> {
    while (running.on) {
      for (let count = 0; count < everyFrame; count++) step();
      look();
      await nextFrame();
    }
  }

  restart();
}

/** The density at `X` of what was generated: a narrow Gaussian around each number. */
function histogram(samples: ArrayLike<number>): number[] {
  const made = new Array<number>(X.length).fill(0);
  for (const sample of Array.from(samples)) {
    const near = Math.round((sample + 4) * 20);
    for (let place = Math.max(near - 8, 0); place <= Math.min(near + 8, X.length - 1); place++) {
      made[place] += NORMAL((X[place] - sample) / WINDOW) / (WINDOW * samples.length);
    }
  }
  return made;
}

/** `NOISES` numbers that are spread as N(0, 1) is: each takes an equal share of it. */
const SPREAD = (() => {
  const values = new Float32Array(NOISES);
  let [x, below] = [-6, 0];
  for (let place = 0; place < NOISES; x += 1e-3) {
    below += 1e-3 * NORMAL(x + 5e-4);
    while (place < NOISES && below > (place + 0.5) / NOISES) values[place++] = x;
  }
  return values;
})();

/** The names of the curves, in their colours. */
export function legend(names: [string, string][]): HTMLElement {
  const entries = names.map(([kind, name]) => element("span", { className: `play-name play-name-${kind}` }, name));
  return element("p", { className: "play-legend" }, ...entries);
}
