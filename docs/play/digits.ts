/** Scikit-learn's digits, 8 x 8 counts from 0 to 16, and the images that both networks know. */

import { load } from "./files";
import { PIXELS, SIZE } from "./pictures";

export const SMALL = 8; // height and width of a digit as it was collected
const LARGE = 20; // of a digit in its image,
const MARGIN = 4; // which leaves so much at each side

/** Keys' cubic convolution with a = -1/2 (1981), Pillow's BICUBIC. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** Of which pixels, and how much of each, every pixel of a line consists when 8 become 20. */
const SHARES = Array.from({ length: LARGE }, (_, to) => {
  const shares = Array.from({ length: SMALL }, (_, from) => cubic(from + 0.5 - ((to + 0.5) * SMALL) / LARGE));
  const sum = shares.reduce((total, share) => total + share);
  return shares.map((share) => share / sum);
});

/** Each line of 8 bytes -> 20; then what were columns are lines. */
function stretchAndTurn(lines: number[][]): number[][] {
  return SHARES.map((shares) =>
    lines.map((line) => {
      const value = shares.reduce((sum, share, from) => sum + share * line[from], 0);
      return Math.min(Math.max(Math.floor(value + 0.5), 0), 255);
    }),
  );
}

/** Counts (64) -> an image, float32 (784) in [-1, 1], as `scikit_learn_digits` in `common/data/mnist.py` makes it. */
export function toImage(counts: ArrayLike<number>): Float32Array {
  const rows = Array.from({ length: SMALL }, (_, row) =>
    Array.from({ length: SMALL }, (_, column) => Math.round((counts[row * SMALL + column] * 255) / 16)),
  );
  const large = stretchAndTurn(stretchAndTurn(rows));
  const image = new Float32Array(PIXELS).fill(-1);
  large.forEach((row, place) => image.set(row.map((byte) => byte / 127.5 - 1), (MARGIN + place) * SIZE + MARGIN));
  return image;
}

/** All of them, float32 (N · 784) in [-1, 1]. */
export async function loadDigits(): Promise<Float32Array> {
  const counts = await load("digits");
  const images = new Float32Array((counts.length / SMALL ** 2) * PIXELS);
  for (let number = 0; number * SMALL ** 2 < counts.length; number++) {
    const digit = counts.subarray(number * SMALL ** 2, (number + 1) * SMALL ** 2);
    images.set(toImage(digit), number * PIXELS);
  }
  return images;
}
