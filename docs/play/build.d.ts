/** What the build puts in: see `docs/play/__main__.py`. */

declare module "*.wasm" {
  const dataURL: string;
  export default dataURL;
}

/** The networks that can be loaded, the first one first. */
declare const KEPT: readonly { name: string; en: string; zh: string; noise_dim: number; classes: number }[];

/** The pair that judges: a generator and its discriminator, and of how many digits they have learnt. */
declare const PAIR: { noise_dim: number; seen: number };

/** Widths of step 1's dense layers, from `common/networks.py`. */
declare const WIDTHS: Record<"discriminator" | "generator", readonly number[]>;
