/** The page "play" of the tutorial: each `<div class="play" data-part="...">` becomes that part. */

import * as tf from "@tensorflow/tfjs-core";
import { start } from "./engine";
import { draw } from "./parts/draw";
import { judge } from "./parts/judge";
import { oneDimension } from "./parts/one_dimension";
import { quiz } from "./parts/quiz";
import { train } from "./parts/train";
import { words } from "./words";

const PARTS: Record<string, (part: HTMLElement, engine: string) => void> = {
  draw,
  quiz,
  judge,
  "one-dimension": oneDimension,
  train,
};

async function fill(): Promise<void> {
  const engine = await start();
  for (const part of document.querySelectorAll<HTMLElement>(".play[data-part]")) {
    part.textContent = engine ? "" : words.nothing;
    if (engine) PARTS[part.dataset.part!](part, engine);
  }
}

document.addEventListener("DOMContentLoaded", () => void fill());

// For the scripts that hold networks and images, and for tests.
export { arrive } from "./files";
export { loadDigits } from "./digits";
export { fromBase64, read, toNetwork } from "./exchange";
export { untrained, denseLayers } from "./networks";
export { GAN } from "./training";
export { LeastSquaresGAN } from "./least_squares";
export { WassersteinGAN } from "./wasserstein";
export { tf };
