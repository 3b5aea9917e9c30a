/**
 * A linear filter along one axis as sparse rows: output i is the sum over t of
 * `weights[offset[i] + t] * input[first[i] + t]` with `offset[i + 1] - offset[i]` taps.
 * Interpolation, anti-aliasing and the spline prefilter are all rows, so that they compose into one pass.
 */
export interface AxisRows {
  readonly inputLength: number;
  /** Number of outputs. */
  readonly length: number;
  readonly first: Int32Array;
  /** `length + 1` entries. */
  readonly offset: Int32Array;
  readonly weights: Float64Array;
  /** Outputs `inside[0]` up to (not including) `inside[1]` lie on the input's grid; the others have no taps. */
  readonly inside: readonly [number, number];
}

/** Coordinates nearer than this to a whole voxel, or beyond the border by less, count as on it. */
const snap = 1e-5;

/** Below this sd (in voxels) a sampled Gaussian is a single tap to 4e-6. */
const smallestSigma = 0.2;

/**
 * Rows that read an axis of `inputLength` voxels at the coordinates `scale * i + offset`, i = 0..length-1.
 *
 * Voxel centres are at whole coordinates. Within half a voxel of the outermost centres the border value is
 * used; beyond, an output is outside. `linear` has two taps; `cubic` is the cardinal cubic B-spline (prefilter
 * included, mirrored at the border, as scipy.ndimage with mode='mirror'). `sigma` smooths the input first
 * with a Gaussian of that sd in voxels, cut off at the border.
 */
export function interpolationRows(
  inputLength: number,
  line: { readonly length: number; readonly scale: number; readonly offset: number },
  method: 'linear' | 'cubic',
  sigma = 0,
): AxisRows {
  const gauss = sigma >= smallestSigma ? gaussianRows(inputLength, sigma) : undefined;
  const spline = method === 'cubic' ? splineRows(inputLength) : undefined;
  const rows = rowBuilder(inputLength, line.length);
  for (let i = 0; i < line.length; i++) {
    const c = coordinateOnAxis(line.scale * i + line.offset, inputLength);
    if (Number.isNaN(c)) {
      rows.endOutside();
      continue;
    }
    const base = Math.floor(c);
    const f = c - base;
    if (f === 0) {
      rows.add(base, 1);
    } else if (spline === undefined) {
      rows.add(base, 1 - f);
      rows.add(base + 1, f);
    } else {
      const [w0, w1, w2, w3] = cubicWeights(f);
      rows.addRow(mirror(base - 1, inputLength), w0, spline);
      rows.addRow(base, w1, spline);
      rows.addRow(base + 1, w2, spline);
      rows.addRow(mirror(base + 2, inputLength), w3, spline);
    }
    rows.end();
  }
  const interpolation = rows.finish();
  return gauss === undefined ? interpolation : compose(interpolation, gauss);
}

/**
 * Rows that prepare an axis for interpolation at arbitrary points: Gaussian smoothing, then, for `cubic`,
 * samples to B-spline coefficients. Undefined when nothing is to be done.
 */
export function prefilterRows(
  length: number,
  method: 'linear' | 'cubic',
  sigma: number,
): AxisRows | undefined {
  const gauss = sigma >= smallestSigma ? gaussianRows(length, sigma) : undefined;
  if (method === 'linear') return gauss;
  const spline = splineRows(length);
  return gauss === undefined ? spline : compose(spline, gauss);
}

/** Whether the rows hand the input through unchanged. */
export function isIdentity(rows: AxisRows): boolean {
  if (rows.length !== rows.inputLength || rows.weights.length !== rows.length) return false;
  for (let i = 0; i < rows.length; i++) if (rows.first[i] !== i || rows.weights[i] !== 1) return false;
  return true;
}

/** The coordinate moved onto 0..length-1 when it is within half a voxel of it, else NaN. */
export function coordinateOnAxis(c: number, length: number): number {
  if (!(c >= -0.5 - snap && c <= length - 0.5 + snap)) return Number.NaN;
  const whole = Math.round(c);
  const snapped = Math.abs(c - whole) < snap ? whole : c;
  return Math.min(Math.max(snapped, 0), length - 1);
}

/** Cubic B-spline weights of the voxels floor(c)-1 .. floor(c)+2 at fraction f. */
export function cubicWeights(f: number): [number, number, number, number] {
  const g = 1 - f;
  return [(g * g * g) / 6, 2 / 3 - (f * f * (2 - f)) / 2, 2 / 3 - (g * g * (2 - g)) / 2, (f * f * f) / 6];
}

/** Index reflected about the outermost centres: -1 is 1, length is length - 2. */
export function mirror(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const i = ((index % period) + period) % period;
  return i < length ? i : period - i;
}

/** Taps beyond the border are left out and the others scaled up to a sum of 1. */
function gaussianRows(length: number, sigma: number): AxisRows {
  const radius = Math.min(Math.ceil(4 * sigma), length - 1);
  const kernel = Array.from({ length: radius + 1 }, (_, t) => Math.exp(-(t * t) / (2 * sigma * sigma)));
  const rows = rowBuilder(length, length);
  for (let i = 0; i < length; i++) {
    const low = Math.max(0, i - radius);
    const high = Math.min(length - 1, i + radius);
    let sum = 0;
    for (let j = low; j <= high; j++) sum += kernel[Math.abs(j - i)]!;
    for (let j = low; j <= high; j++) rows.add(j, kernel[Math.abs(j - i)]! / sum);
    rows.end();
  }
  return rows.finish();
}

/**
 * Samples to cubic B-spline coefficients: the inverse of the filter (1/6, 4/6, 1/6) has the impulse response
 * sqrt(3) * pole^|k|, pole = sqrt(3) - 2 (Unser, Splines: a perfect fit, 1999). Cut off where it is 1e-7 of the whole.
 */
function splineRows(length: number): AxisRows {
  const pole = Math.sqrt(3) - 2;
  const radius = 12;
  const rows = rowBuilder(length, length);
  for (let i = 0; i < length; i++) {
    for (let t = -radius; t <= radius; t++) {
      rows.add(mirror(i + t, length), Math.sqrt(3) * pole ** Math.abs(t));
    }
    rows.end();
  }
  return rows.finish();
}

/** The rows that apply `inner` and then `outer`. */
function compose(outer: AxisRows, inner: AxisRows): AxisRows {
  const rows = rowBuilder(inner.inputLength, outer.length);
  for (let i = 0; i < outer.length; i++) {
    const from = outer.offset[i]!;
    const to = outer.offset[i + 1]!;
    for (let t = from; t < to; t++) rows.addRow(outer.first[i]! + t - from, outer.weights[t]!, inner);
    if (from === to) rows.endOutside();
    else rows.end();
  }
  return rows.finish();
}

/** Collects taps of one row after another; taps on the same voxel add up. */
function rowBuilder(inputLength: number, length: number) {
  const dense = new Float64Array(inputLength);
  const first = new Int32Array(length);
  const offset = new Int32Array(length + 1);
  const weights: number[] = [];
  let row = 0;
  let low = inputLength;
  let high = -1;
  let insideFrom = length;
  let insideTo = 0;

  const add = (index: number, weight: number) => {
    dense[index]! += weight;
    if (index < low) low = index;
    if (index > high) high = index;
  };
  /** Adds `weight` times row `index` of `filter`. */
  const addRow = (index: number, weight: number, filter: AxisRows) => {
    const from = filter.offset[index]!;
    const taps = filter.offset[index + 1]! - from;
    for (let t = 0; t < taps; t++) add(filter.first[index]! + t, weight * filter.weights[from + t]!);
  };
  const end = () => {
    first[row] = low;
    for (let i = low; i <= high; i++) {
      weights.push(dense[i]!);
      dense[i] = 0;
    }
    low = inputLength;
    high = -1;
    insideFrom = Math.min(insideFrom, row);
    insideTo = row + 1;
    offset[++row] = weights.length;
  };
  const endOutside = () => {
    offset[++row] = weights.length;
  };
  const finish = (): AxisRows => ({
    inputLength,
    length,
    first,
    offset,
    weights: Float64Array.from(weights),
    inside: insideFrom < insideTo ? [insideFrom, insideTo] : [0, 0],
  });
  return { add, addRow, end, endOutside, finish };
}
