/** Where the page computes: on the GPU by WebGL, or else on the CPU by WebAssembly. */

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-backend-webgl";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
// A page that was opened from a disk may not fetch files: the program itself holds it.
import wasm from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm";

// WebAssembly is much slower with matrices that it has to transpose while it multiplies, as TensorFlow.js asks of it
// for gradients. These transpose them first.
tf.registerGradient({
  kernelName: tf.BatchMatMul,
  inputsToSave: ["a", "b"],
  gradFunc: (dy, [a, b]) => ({
    a: () => tf.matMul(dy as tf.Tensor, tf.transpose(b)),
    b: () => tf.matMul(tf.transpose(a), dy as tf.Tensor),
  }),
});

/** WebGL that the CPU draws is slower than WebAssembly: these are the names of programs that do so. */
const NO_GPU = /swiftshader|llvmpipe|software|basic render/i;

function hasGPU(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  const names = context?.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = context?.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return typeof renderer === "string" && !NO_GPU.test(renderer);
}

/** Start TensorFlow.js and say where it computes; "" if this browser has neither. */
export async function start(): Promise<string> {
  setWasmPaths({
    "tfjs-backend-wasm.wasm": wasm,
    "tfjs-backend-wasm-simd.wasm": wasm,
    "tfjs-backend-wasm-threaded-simd.wasm": wasm,
  });
  if (hasGPU() && (await tf.setBackend("webgl"))) return "WebGL";
  const works = typeof WebAssembly === "object" && (await tf.setBackend("wasm").catch(() => false));
  return works ? "WebAssembly" : "";
}
