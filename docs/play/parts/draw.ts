/** Draw: a kept generator draws what you point at. */

import * as tf from "@tensorflow/tfjs-core";
import { announcement, button, choice, element, group, nextFrame, slider, Switch } from "../controls";
import { loadNetwork } from "../files";
import type { Network } from "../networks";
import { drawImages, imageCanvas, PIXELS, SIZE } from "../pictures";
import { Random } from "../random";
import { words } from "../words";

const DIRECTIONS = 5; // that have a slider
const FILM_SECONDS = 8; // once around
const LARGE = 10; // screen pixels for each of an image's, in a file

/** Noises (N, noise_dim) -> images (N · 784), of one class if the generator knows classes. */
export async function generate(generator: Network, noise: Float32Array, count: number, digit = -1) {
  const images = tf.tidy(() => {
    const z = tf.tensor2d(noise, [count, noise.length / count]);
    const label = () => tf.oneHot(tf.fill([count], digit, "int32"), 10) as tf.Tensor2D;
    return generator.call(digit < 0 ? z : tf.concat([z, tf.cast(label(), "float32")], 1));
  });
  const pixels = (await images.data()) as Float32Array;
  images.dispose();
  return pixels;
}

/** Between the noises in the four corners of the pad; as long as they are, wherever (x, y) lies. */
export function between(corners: Float32Array[], x: number, y: number): Float32Array {
  const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  const length = Math.hypot(...shares);
  return corners[0].map((_, place) =>
    shares.reduce((sum, share, corner) => sum + (share / length) * corners[corner][place], 0),
  );
}

export function draw(part: HTMLElement): void {
  const text = words.draw;
  const random = new Random(Date.now());
  let kept = KEPT[0];
  let generator: Network | undefined;
  let corners: Float32Array[] = [];
  let digit = 3;
  let x = 0.5;
  let y = 0.5;
  const offsets = new Float32Array(DIRECTIONS);
  let stale = true;

  const picture = imageCanvas(1, 1, text.picture);
  const says = announcement();
  const pad = element("div", { className: "play-pad", tabIndex: 0, ariaLabel: text.pad });
  pad.setAttribute("role", "application");
  const point = element("span", { className: "play-point" });
  const thumbnails = [0, 1, 2, 3].map((corner) => {
    const canvas = imageCanvas(1, 1, "");
    const another = element("button", { type: "button", ariaLabel: text.corners[corner], title: text.another }, canvas);
    another.onclick = () => {
      corners[corner] = random.normals(kept.noise_dim);
      redraw();
    };
    return { canvas, another };
  });
  pad.append(point);

  const film = new Switch(text.film, text.stop, () => {});
  const digits = choice(
    text.digit,
    [..."0123456789"].map((name) => [name, name]),
    (value) => {
      digit = Number(value);
      redraw();
    },
  );
  (digits.querySelector("select") as HTMLSelectElement).value = String(digit);
  const directions = element(
    "details",
    {},
    element("summary", { textContent: text.directions }),
    ...Array.from(offsets, (_, place) =>
      slider({ label: `z${place + 1}`, min: -6, max: 6, step: 0.1, value: 0, show: (value) => value.toFixed(1) }, (value) => {
        offsets[place] = value;
        stale = true;
      }),
    ),
  );
  part.append(
    group(
      choice(
        text.generator,
        KEPT.map((one) => [one.name, one[words.language]]),
        (name) => void take(name),
      ),
      digits,
    ),
    element(
      "div",
      { className: "play-draw" },
      element("div", { className: "play-corners" }, thumbnails[0].another, thumbnails[1].another, pad, thumbnails[2].another, thumbnails[3].another),
      picture,
    ),
    group(button(text.again, again), film.button, button(text.save, save)),
    directions,
    says,
  );

  function again(): void {
    corners = [0, 1, 2, 3].map(() => random.normals(kept.noise_dim));
    redraw();
  }

  /** The corners too, as generator, digit or noises have changed. */
  function redraw(): void {
    stale = true;
    if (!generator) return;
    const all = Float32Array.from(corners.flatMap((corner) => [...corner]));
    void generate(generator, all, 4, kept.classes ? digit : -1).then((images) =>
      thumbnails.forEach(({ canvas }, corner) =>
        drawImages(canvas, images.subarray(corner * PIXELS, (corner + 1) * PIXELS)),
      ),
    );
  }

  async function take(name: string): Promise<void> {
    says.textContent = text.loading;
    const wanted = KEPT.find((one) => one.name === name)!;
    const network = await loadNetwork(name);
    generator?.dispose();
    [kept, generator] = [wanted, network];
    digits.hidden = !kept.classes;
    says.textContent = "";
    again();
  }

  function point_at(toX: number, toY: number): void {
    [x, y] = [toX, toY].map((place) => Math.min(Math.max(place, 0), 1));
    point.style.left = `${100 * x}%`;
    point.style.top = `${100 * y}%`;
    stale = true;
  }

  const follow = (event: PointerEvent) => {
    const box = pad.getBoundingClientRect();
    film.set(false);
    point_at((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  pad.onpointerdown = (event) => {
    pad.setPointerCapture(event.pointerId);
    follow(event);
  };
  pad.onpointermove = (event) => {
    if (event.pointerType === "mouse" || event.buttons) follow(event);
  };
  pad.onkeydown = (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    film.set(false);
    point_at(x + 0.05 * move[0], y + 0.05 * move[1]);
  };

  function save(): void {
    const large = element("canvas", { width: LARGE * SIZE, height: LARGE * SIZE });
    const context = large.getContext("2d")!;
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, 0, 0, large.width, large.height);
    element("a", { href: large.toDataURL("image/png"), download: "digit.png" }).click();
  }

  async function forever(): Promise<void> {
    let [drawn, since] = [0, performance.now()];
    for (;;) {
      await nextFrame();
      const now = performance.now();
      if (film.on) {
        const angle = (2 * Math.PI * now) / (1000 * FILM_SECONDS);
        point_at(0.5 + 0.5 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle));
      }
      if (stale && generator) {
        stale = false;
        const noise = between(corners, x, y);
        offsets.forEach((offset, place) => (noise[place] += offset));
        drawImages(picture, await generate(generator, noise, 1, kept.classes ? digit : -1));
        picture.dataset.drawn = String(Number(picture.dataset.drawn ?? 0) + 1);
        drawn++;
      }
      if (now - since > 1000) {
        if (film.on) says.textContent = text.rate(Math.round((1000 * drawn) / (now - since)));
        [drawn, since] = [0, now];
      }
    }
  }

  point_at(x, y);
  void take(kept.name);
  void forever();
}
