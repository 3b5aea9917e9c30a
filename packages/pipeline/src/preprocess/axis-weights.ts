/**
 * Which input samples make up each output sample along one axis, and with what weight.
 * Output i takes inputs `first[i] … first[i] + (start[i + 1] - start[i]) - 1`, weights from `start[i]` on.
 */
export interface AxisWeights {
  readonly first: Int32Array;
  readonly start: Int32Array;
  /** Add up to 1 for each output. */
  readonly weights: Float64Array;
}

/** Continuous input index of output index i when both grids share their centre. */
function centreOf(i: number, inputSize: number, outputSize: number, step: number): number {
  return (i - (outputSize - 1) / 2) * step + (inputSize - 1) / 2;
}

function tabulate(
  inputSize: number,
  outputSize: number,
  step: number,
  radius: number,
  weightAt: (distance: number) => number,
): AxisWeights {
  const first = new Int32Array(outputSize);
  const start = new Int32Array(outputSize + 1);
  const weights: number[] = [];
  for (let i = 0; i < outputSize; i++) {
    // Half an output voxel may hang over the edge, because sizes are whole: the edge voxel is continued.
    const centre = Math.min(Math.max(centreOf(i, inputSize, outputSize, step), 0), inputSize - 1);
    const low = Math.max(0, Math.ceil(centre - radius));
    const high = Math.min(inputSize - 1, Math.floor(centre + radius));
    const found: number[] = [];
    let begin = low;
    for (let j = low; j <= high; j++) {
      const weight = weightAt(Math.abs(j - centre));
      if (weight > 1e-9) found.push(weight);
      else if (found.length === 0) begin = j + 1;
      else break;
    }
    const sum = found.reduce((a, b) => a + b, 0);
    first[i] = begin;
    for (const weight of found) weights.push(weight / sum);
    start[i + 1] = weights.length;
  }
  return { first, start, weights: Float64Array.from(weights) };
}

/**
 * Linear interpolation when the output is finer; when it is coarser, the triangle is widened to the output
 * distance, which averages what would alias. The two grids share their centre. An equal grid is copied exactly.
 * @param step output spacing divided by input spacing
 */
export function linearWeights(inputSize: number, outputSize: number, step: number): AxisWeights {
  const radius = Math.max(1, step);
  return tabulate(inputSize, outputSize, step, radius, (distance) => 1 - distance / radius);
}

/**
 * Share of each output voxel's extent that each input voxel covers: what label areas are counted with.
 * The two grids share their centre.
 * @param step output spacing divided by input spacing
 */
export function areaWeights(inputSize: number, outputSize: number, step: number): AxisWeights {
  const half = step / 2;
  return tabulate(
    inputSize,
    outputSize,
    step,
    half + 0.5,
    (distance) => Math.min(distance + 0.5, half) - Math.max(distance - 0.5, -half),
  );
}
