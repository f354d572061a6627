/** A safetensors file, as `python -m common.export` writes it -> a network. */

import { Network, type Arrays, type Layer } from "./networks";

interface Entry {
  dtype: "F16" | "F32";
  shape: number[];
  data_offsets: [number, number];
}

/** What is in a safetensors file: https://huggingface.co/docs/safetensors/index#format */
export function read(file: Uint8Array): { metadata: Record<string, string>; arrays: Arrays } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const { __metadata__: metadata = {}, ...entries } = header;
  const arrays: Arrays = new Map();
  for (const [name, entry] of Object.entries(entries as Record<string, Entry>)) {
    const [from, to] = entry.data_offsets;
    const bytes = file.slice(start + from, start + to).buffer;
    const values = entry.dtype === "F16" ? fromFloat16(new Uint16Array(bytes)) : new Float32Array(bytes);
    arrays.set(name, { shape: entry.shape, values });
  }
  return { metadata, arrays };
}

/** The network in an exported file. */
export function toNetwork(file: Uint8Array): Network {
  const { metadata, arrays } = read(file);
  return new Network(metadata.network, JSON.parse(metadata.layers) as Layer[], arrays);
}

/** IEEE 754 half precision: a sign, 5 bits of exponent, 10 of fraction. */
function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
