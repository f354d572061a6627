/** A pad to draw a digit on, with mouse, finger or keyboard. */

import { element } from "./controls";
import { SMALL } from "./digits";

const SIDE = 256; // of the pad, in its own pixels
const PEN = SIDE / 10; // as wide as the strokes that the collected digits were written with
const BLOCK = 4; // pixels of a scanned digit, in height and width, that were counted together
const STEP = 1 / 24; // of the side, for an arrow key

type Point = [number, number]; // in [0, 1]

/** White lines on black; `change` is called when they have changed. */
export class Sketch {
  readonly canvas: HTMLCanvasElement;
  private strokes: Point[][] = [];
  private pen: Point = [0.5, 0.2]; // of the keyboard
  private down = false;

  constructor(label: string, private change: () => void) {
    this.canvas = element("canvas", { className: "play-sketch", width: SIDE, height: SIDE, tabIndex: 0, ariaLabel: label });
    this.canvas.setAttribute("role", "application");
    this.canvas.onpointerdown = (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.strokes.push([]);
      this.follow(event);
    };
    this.canvas.onpointermove = (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) this.follow(event);
    };
    this.canvas.onkeydown = (event) => this.key(event);
    this.canvas.onfocus = this.canvas.onblur = () => this.show();
    this.show();
  }

  clear(): void {
    this.strokes = [];
    this.down = false;
    this.show();
    this.change();
  }

  private follow(event: PointerEvent): void {
    const box = this.canvas.getBoundingClientRect();
    this.lead((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  /** The arrows move the pen; space puts it down, or lifts it. */
  private key(event: KeyboardEvent): void {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] }[event.key];
    if (!move) return;
    event.preventDefault();
    if (event.key === " ") this.down = !this.down;
    if (event.key === " " && this.down) this.strokes.push([]);
    const [x, y] = this.pen;
    this.lead(x + STEP * move[0], y + STEP * move[1], this.down);
  }

  /** Move the pen, on the paper or above it. */
  private lead(x: number, y: number, down = true): void {
    this.pen = [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)];
    if (down) this.strokes.at(-1)!.push(this.pen);
    this.show();
    if (down) this.change();
  }

  private show(): void {
    const context = this.canvas.getContext("2d")!;
    context.fillStyle = "black";
    context.fillRect(0, 0, SIDE, SIDE);
    drawStrokes(context, this.strokes, PEN, ([x, y]) => [SIDE * x, SIDE * y]);
    if (!this.canvas.matches(":focus-visible")) return; // a mouse shows where it is
    context.strokeStyle = this.down ? "#f97316" : "#808080";
    context.lineWidth = 3;
    context.beginPath();
    context.arc(SIDE * this.pen[0], SIDE * this.pen[1], PEN / 2, 0, 2 * Math.PI);
    context.stroke();
  }

  /**
   * Counts (64) from 0 to 16, made as those of the collected digits were: what was written, as large as it goes, on
   * 32 x 32 pixels that are black or white, and the white ones counted in blocks of 4 x 4. Nothing, if nothing was.
   */
  counts(): Uint8Array | undefined {
    const points = this.strokes.flat();
    if (!points.length) return undefined;
    const side = SMALL * BLOCK;
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const middle = [xs, ys].map((values) => (Math.min(...values) + Math.max(...values)) / 2);
    const extents = [xs, ys].map((values) => Math.max(...values) - Math.min(...values));
    const scale = (side - BLOCK) / Math.max(1.3 * extents[0], extents[1], 0.2); // few are wide; a dot stays small
    const context = element("canvas", { width: side, height: side }).getContext("2d", { willReadFrequently: true })!;
    drawStrokes(context, this.strokes, BLOCK, ([x, y]) => [side / 2 + scale * (x - middle[0]), side / 2 + scale * (y - middle[1])]);
    const { data } = context.getImageData(0, 0, side, side);
    const counts = new Uint8Array(SMALL ** 2);
    for (let pixel = 0; pixel < side ** 2; pixel++) {
      const [row, column] = [Math.floor(pixel / side / BLOCK), Math.floor((pixel % side) / BLOCK)];
      if (data[4 * pixel + 3] > 127) counts[row * SMALL + column]++;
    }
    return counts;
  }
}

function drawStrokes(context: CanvasRenderingContext2D, strokes: Point[][], width: number, place: (point: Point) => Point): void {
  context.strokeStyle = "white";
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = width;
  for (const stroke of strokes) {
    context.beginPath();
    for (const point of stroke) context.lineTo(...place(point));
    if (stroke.length) context.lineTo(...place(stroke.at(-1)!)); // a dot too
    context.stroke();
  }
}
