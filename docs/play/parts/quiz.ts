/** Quiz: which of sixteen digits are real? You say, and so does the discriminator. */

import * as tf from "@tensorflow/tfjs-core";
import { announcement, button, element, group } from "../controls";
import { loadPair, unseenDigit } from "../pair";
import { drawImages, imageCanvas, PIXELS } from "../pictures";
import { Random } from "../random";
import { words } from "../words";
import { generate } from "./draw";

const COUNT = 16;

export function quiz(part: HTMLElement): void {
  const text = words.quiz;
  const random = new Random(Date.now());
  let real: boolean[] = [];
  let judged: ArrayLike<number>; // D(x) of each
  let guessing = false;
  const score = { rounds: 0, you: 0, d: 0 };

  const cards = Array.from({ length: COUNT }, (_, place) => {
    const canvas = imageCanvas(1, 1, text.picture(place + 1));
    const caption = element("span", { textContent: "?" });
    const card = button("", () => guessing && mark(place, card.ariaPressed !== "true"));
    card.append(canvas, caption);
    return { canvas, caption, card };
  });
  const board = element("div", { className: "play-quiz", hidden: true }, ...cards.map(({ card }) => card));
  const next = button(text.begin, () => void (guessing ? tell() : deal()));
  const says = announcement();
  part.append(board, group(next), says);

  /** Take the picture for real, or for generated. */
  function mark(place: number, isReal: boolean): void {
    cards[place].card.ariaPressed = String(isReal);
    cards[place].caption.textContent = isReal ? text.real : "?";
  }

  /** Sixteen others: a coin is tossed for each. */
  async function deal(): Promise<void> {
    says.textContent = text.loading;
    const pair = await loadPair();
    real = cards.map(() => random.uniform() < 0.5);
    const images = await generate(pair.generator, random.normals(COUNT * PAIR.noise_dim), COUNT);
    real.forEach((isReal, place) => {
      if (isReal) images.set(unseenDigit(pair, random), place * PIXELS);
    });
    judged = tf.tidy(() => tf.sigmoid(pair.discriminator.call(tf.tensor2d(images, [COUNT, PIXELS]))).dataSync());
    cards.forEach(({ canvas, card }, place) => {
      drawImages(canvas, images.subarray(place * PIXELS, (place + 1) * PIXELS));
      card.className = "";
      mark(place, false);
    });
    board.hidden = false;
    next.textContent = text.tell;
    says.textContent = text.question;
    guessing = true;
  }

  /** Who was right? */
  function tell(): void {
    guessing = false;
    let [you, d] = [0, 0];
    cards.forEach(({ caption, card }, place) => {
      const right = (card.ariaPressed === "true") === real[place];
      you += Number(right);
      d += Number(judged[place] > 0.5 === real[place]);
      card.className = right ? "play-right" : "play-wrong";
      caption.textContent = text.answer(right, real[place], judged[place].toFixed(2));
    });
    score.rounds++;
    score.you += you;
    score.d += d;
    next.textContent = text.again;
    const inAll = score.rounds > 1 ? text.inAll(score.rounds, score.you, score.d, score.rounds * COUNT) : "";
    says.textContent = `${text.score(you, d, COUNT)} ${inAll}`;
  }
}
