import { attributesOf, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { reluOperator } from '../operators/elementwise.ts';
import { forEachWindow } from '../operators/pool-windows.ts';
import { maxPoolOperator } from '../operators/pooling.ts';
import { evaluate } from '../reference/evaluate.ts';

/**
 * How far the inputs of all ReLUs are from zero, and the largest of every pooled window from the second, at least: in
 * units of the root mean square of each input. Where it is below the rounding of float32, a gradient jumps, and a
 * comparison with float64 says nothing.
 */
export function kinkMargin(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
): number {
  const kinked = topologicalOrder(outputs).filter(
    ({ operator }) => operator.name === reluOperator.name || operator.name === maxPoolOperator.name,
  );
  const values = evaluate(
    kinked.map(({ inputs }) => inputs[0]!),
    feeds,
  );
  return Math.min(
    ...kinked.map((tensor, k) => {
      const x = values[k]!;
      const nearest = tensor.operator.name === reluOperator.name ? nearestToZero(x) : smallestLead(tensor, x);
      return nearest / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
    }),
  );
}

function nearestToZero(x: Float64Array): number {
  return x.reduce((least, value) => Math.min(least, Math.abs(value)), Number.POSITIVE_INFINITY);
}

/** Zeros of a ReLU before it may tie: they have no gradient. */
function smallestLead(pooled: Tensor, x: Float64Array): number {
  let least = Number.POSITIVE_INFINITY;
  forEachWindow(
    pooled.inputs[0]!.shape,
    pooled.shape,
    attributesOf(maxPoolOperator, pooled),
    (_, { plane, z0, z1, y0, y1, x0, x1 }, height, width) => {
      let [first, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let z = z0; z < z1; z++) {
        for (let y = y0; y < y1; y++) {
          for (let i = x0; i < x1; i++) {
            const value = x[plane + (z * height + y) * width + i]!;
            if (value > first) [first, second] = [value, first];
            else if (value > second) second = value;
          }
        }
      }
      if (first > 0) least = Math.min(least, first - second);
    },
  );
  return least;
}
