import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { softmax } from '../operators/softmax.ts';
import { evaluate } from '../reference/evaluate.ts';
import { layoutOf } from './layout.ts';
import { evaluationScope } from './scopes.ts';

/**
 * The probabilities of a network in evaluation mode, in float64 with unfolded norms: what an exported model is
 * checked against. Parameters and statistics are flat, in the order of the network's layout.
 */
export function evaluateNetwork(
  network: Network,
  parameters: ArrayLike<number>,
  statistics: ArrayLike<number>,
  image: Float32Array,
  dims: readonly number[],
): Float64Array {
  const layout = layoutOf(network);
  const flatParameters = input('parameters', [layout.parameterCount]);
  const flatStatistics = input('statistics', [layout.statisticCount]);
  const source = input('image', dims);
  const logits = network.forward(scopeOf(evaluationScope(layout, flatParameters, flatStatistics)), source);
  const feeds = new Map([
    [flatParameters, parameters],
    [flatStatistics, statistics],
    [source, image],
  ]);
  return evaluate([softmax(logits, 1)], feeds)[0]!;
}
