/** The pair that judges, and the real digits that it has never seen. */

import { loadDigits } from "./digits";
import { loadNetwork } from "./files";
import type { Network } from "./networks";
import { PIXELS } from "./pictures";
import type { Random } from "./random";

export interface Pair {
  generator: Network;
  discriminator: Network;
  unseen: Float32Array; // (N · 784)
}

let loaded: Promise<Pair> | undefined;

async function load(): Promise<Pair> {
  const files = [loadDigits(), loadNetwork("pair-generator"), loadNetwork("pair-discriminator")] as const;
  const [digits, generator, discriminator] = await Promise.all(files);
  return { generator, discriminator, unseen: digits.subarray(PAIR.seen * PIXELS) };
}

export function loadPair(): Promise<Pair> {
  return (loaded ??= load());
}

/** One of the digits, float32 (784). */
export function unseenDigit({ unseen }: Pair, random: Random): Float32Array {
  const start = random.below(unseen.length / PIXELS) * PIXELS;
  return unseen.slice(start, start + PIXELS);
}
