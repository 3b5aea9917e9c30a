import type { Shape } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { aNetwork, type Network } from '../models/network.ts';
import { checkValue } from '../options/check-options.ts';
import { evaluate } from '../reference/evaluate.ts';
import { type Activation, activate } from './activation.ts';
import { inferenceScope } from './scopes/inference-scope.ts';
import type { Weights } from './weights.ts';

/**
 * What a network says of an image in evaluation mode, in float64 with unfolded norms: what an exported model is
 * checked against.
 */
export function evaluateNetwork(
  network: Network,
  weights: Weights,
  image: Float32Array,
  shape: Shape,
  activation: Activation = 'softmax',
): Float64Array {
  checkValue('evaluateNetwork: network', network, aNetwork);
  const source = input('image', shape);
  const logits = network.forward(scopeOf(inferenceScope(weights, { folded: false })), source);
  return evaluate([activate(logits, activation)], new Map([[source, image]]))[0]!;
}
