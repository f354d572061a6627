/** What lies beside the page: networks and digits, each a script, as a page on a disk may load no other file. */

import { fromBase64, toNetwork } from "./exchange";
import type { Network } from "./networks";

const FOLDER = (document.currentScript as HTMLScriptElement).src.replace(/[^/]*$/, "");
const waiting = new Map<string, (content: Uint8Array) => void>();
const asked = new Map<string, Promise<Uint8Array>>();

/** Called by those scripts with what they hold. */
export function arrive(name: string, base64: string): void {
  waiting.get(name)?.(fromBase64(base64));
}

/** The content of the file of this name; it is loaded once. */
export function load(name: string): Promise<Uint8Array> {
  let content = asked.get(name);
  if (!content) {
    content = new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `${FOLDER}${name}.js`;
      script.onerror = () => reject(new Error(`${script.src} is missing.`));
      document.head.append(script);
    });
    asked.set(name, content);
  }
  return content;
}

/** A network of `KEPT` or `PAIR`. */
export async function loadNetwork(name: string): Promise<Network> {
  return toNetwork(await load(name));
}
