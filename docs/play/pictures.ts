/** Images and curves. */

export const SIZE = 28; // height and width of an image
export const PIXELS = SIZE * SIZE;

/** A canvas for `columns` x `rows` images with a pixel for each of theirs; CSS makes it larger. */
export function imageCanvas(columns: number, rows: number, label: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns * SIZE, height: rows * SIZE, className: "play-images" });
  canvas.setAttribute("role", "img");
  canvas.ariaLabel = label;
  return canvas;
}

/** Draw images, float32 (N · 784) in [-1, 1], row by row. */
export function drawImages(canvas: HTMLCanvasElement, images: Float32Array): void {
  const context = canvas.getContext("2d")!;
  const columns = canvas.width / SIZE;
  for (let number = 0; number * PIXELS < images.length; number++) {
    const picture = context.createImageData(SIZE, SIZE);
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      const grey = (images[number * PIXELS + pixel] + 1) * 127.5;
      picture.data.set([grey, grey, grey, 255], 4 * pixel);
    }
    context.putImageData(picture, (number % columns) * SIZE, Math.floor(number / columns) * SIZE);
  }
}

/** Draw which pixels should be lighter, in orange, and which darker, in blue; the strongest wish is brightest. */
export function drawWishes(canvas: HTMLCanvasElement, gradient: Float32Array): void {
  const picture = new ImageData(SIZE, SIZE);
  const strongest = gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 1e-12);
  gradient.forEach((slope, pixel) => {
    const [red, green, blue] = slope > 0 ? [249, 115, 22] : [59, 130, 246];
    const share = Math.abs(slope) / strongest;
    picture.data.set([share * red, share * green, share * blue, 255], 4 * pixel);
  });
  canvas.getContext("2d")!.putImageData(picture, 0, 0);
}

const SVG = "http://www.w3.org/2000/svg";

/** Curves over x in an SVG, whose colours are in the style sheet: `play-d`, `play-g` and so on. */
export class Chart {
  readonly svg = document.createElementNS(SVG, "svg");
  private readonly paths = new Map<string, SVGPathElement>();

  constructor(
    label: string,
    private readonly x: [number, number],
    private readonly y: [number, number],
    private readonly width = 480,
    private readonly height = 150,
  ) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("class", "play-chart");
    this.svg.setAttribute("role", "img");
    this.svg.ariaLabel = label;
  }

  /** The range of x from now on; curves have to be drawn again. */
  set from0to(end: number) {
    this.x[1] = end;
  }

  /** Draw the points (x, y) as a curve in the style `kind`, in the place of the one before. */
  curve(kind: string, points: Iterable<[number, number]>): void {
    this.path(kind).setAttribute("d", `M${[...points].map((point) => this.place(...point)).join("L")}`);
  }

  /** Draw separate lines. */
  lines(kind: string, lines: Iterable<[[number, number], [number, number]]>): void {
    const drawn = [...lines].map(([from, to]) => `M${this.place(...from)}L${this.place(...to)}`);
    this.path(kind).setAttribute("d", drawn.join(""));
  }

  /** Write these values of y at the left. */
  ticks(values: number[]): void {
    for (const value of values) {
      const [, top] = this.place(this.x[0], value).split(" ");
      const text = document.createElementNS(SVG, "text");
      text.setAttribute("x", "4");
      text.setAttribute("y", String(Math.min(Math.max(Number(top) + 4, 12), this.height - 4)));
      text.textContent = String(value);
      this.svg.append(text);
    }
  }

  private path(kind: string): SVGPathElement {
    let path = this.paths.get(kind);
    if (!path) {
      path = document.createElementNS(SVG, "path");
      path.setAttribute("class", `play-${kind}`);
      this.svg.append(path);
      this.paths.set(kind, path);
    }
    return path;
  }

  private place(x: number, y: number): string {
    const share = (value: number, [low, high]: [number, number]) => (value - low) / (high - low);
    const top = this.height * (1 - Math.min(Math.max(share(y, this.y), -0.1), 1.1));
    return `${(this.width * share(x, this.x)).toFixed(1)} ${top.toFixed(1)}`;
  }
}
