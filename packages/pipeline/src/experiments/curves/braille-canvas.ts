/** Bits of the dots of a braille character, from U+2800: two columns of four. */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** A drawing of dots in text: each character holds 2 x 4 of them. Whoever draws first keeps the ink of a character. */
export interface BrailleCanvas {
  /** In dots. */
  readonly width: number;
  readonly height: number;
  /** Sets a dot; those outside are left out. y counts downwards. */
  dot(x: number, y: number, ink: number): void;
  /** A line between two dots; with `gap`, only every gap-th dot of it. */
  line(from: readonly [number, number], to: readonly [number, number], ink: number, gap?: number): void;
  /** The characters of a row with their inks, -1 where there is none. */
  row(r: number): readonly { readonly text: string; readonly ink: number }[];
}

/** @param columns and rows in characters */
export function createBrailleCanvas(columns: number, rows: number): BrailleCanvas {
  const cells = new Uint8Array(columns * rows);
  const inks = new Int8Array(columns * rows).fill(-1);
  const [width, height] = [2 * columns, 4 * rows];
  const dot = (x: number, y: number, ink: number) => {
    const [i, j] = [Math.round(x), Math.round(y)];
    if (i < 0 || j < 0 || i >= width || j >= height) return;
    const cell = (j >> 2) * columns + (i >> 1);
    cells[cell]! |= dotBits[j & 3]![i & 1]!;
    if (inks[cell] === -1) inks[cell] = ink;
  };
  return {
    width,
    height,
    dot,
    line: ([x0, y0], [x1, y1], ink, gap = 1) => {
      const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
      for (let s = 0; s <= steps; s++) {
        const x = x0 + ((x1 - x0) * s) / steps;
        if (Math.round(x) % gap === 0) dot(x, y0 + ((y1 - y0) * s) / steps, ink);
      }
    },
    row: (r) =>
      Array.from({ length: columns }, (_, c) => {
        const cell = r * columns + c;
        const text = cells[cell] === 0 ? ' ' : String.fromCharCode(0x2800 + cells[cell]!);
        return { text, ink: inks[cell]! };
      }),
  };
}
