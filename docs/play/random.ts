/** Random numbers that are the same again from the same seed. */

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export class Random {
  constructor(private state: number) {}

  /** Uniform in [0, 1). */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.uniform() * end);
  }

  /** `count` numbers z ~ N(0, 1), two at a time (Box & Muller, 1958). */
  normals(count: number): Float32Array {
    const values = new Float32Array(count);
    for (let place = 0; place < count; place += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      values[place] = radius * Math.cos(angle);
      if (place + 1 < count) values[place + 1] = radius * Math.sin(angle);
    }
    return values;
  }
}
