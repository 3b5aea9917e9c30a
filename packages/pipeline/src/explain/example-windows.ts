/** A window by the pixel in its middle, and what its label would be in training. */
export interface ExampleWindow {
  readonly x: number;
  readonly y: number;
  /** Null without labels. */
  readonly label: 'lesion' | 'no lesion' | null;
  /** Where it lies. */
  readonly tissue: 'lesion' | 'liver' | 'body' | 'outside';
}

/** All windows whose middles lie on multiples of the stride, row by row. */
export function windowsAt(
  stride: number,
  width: number,
  height: number,
  body: Uint8Array,
  labels: Uint8Array | undefined,
): ExampleWindow[] {
  const windows: ExampleWindow[] = [];
  for (let y = 0; y < height; y += stride) {
    for (let x = 0; x < width; x += stride) {
      const at = y * width + x;
      const value = labels?.[at] ?? 0;
      const tissue = value >= 2 ? 'lesion' : value === 1 ? 'liver' : body[at] === 1 ? 'body' : 'outside';
      const label = labels === undefined ? null : value >= 2 ? 'lesion' : 'no lesion';
      windows.push({ x, y, label, tissue });
    }
  }
  return windows;
}

/** Up to `count` windows to show: up to half of them lesion, then liver, then the rest of the body; evenly spread over each. */
export function exampleWindows(windows: readonly ExampleWindow[], count: number): ExampleWindow[] {
  const of = (tissue: ExampleWindow['tissue']) => windows.filter((window) => window.tissue === tissue);
  const spread = (some: readonly ExampleWindow[], wanted: number) =>
    Array.from(
      { length: Math.min(wanted, some.length) },
      (_, n, most = Math.min(wanted, some.length)) => some[Math.floor(((n + 0.5) * some.length) / most)]!,
    );
  const lesions = spread(of('lesion'), Math.ceil(count / 2));
  const livers = spread(of('liver'), Math.ceil((count - lesions.length) / 2));
  const others = spread(of('body'), count - lesions.length - livers.length);
  return [...lesions, ...livers, ...others];
}
