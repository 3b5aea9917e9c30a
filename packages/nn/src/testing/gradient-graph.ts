import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { mul, neg } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { logSoftmax } from '../operators/softmax.ts';
import type { NamedArray } from '../weights/safetensors.ts';
import { networkInputs } from './network-inputs.ts';
import { testRandom } from './numbers.ts';
import { randomWeights } from './random-weights.ts';

/** The gradient of a whole network in training, and numbers to compute it from. */
export interface GradientGraph {
  readonly network: Network;
  /** Names of the parameters, and the gradient of each. */
  readonly names: readonly string[];
  readonly gradients: readonly Tensor[];
  readonly feeds: ReadonlyMap<Tensor, Float32Array>;
  /** The same numbers by name: weights, statistics, `image` and `target`. */
  readonly arrays: Readonly<Record<string, NamedArray>>;
}

/**
 * Cross-entropy of random images with random classes, the mean over all pixels (or images):
 * -sum(target * logSoftmax(logits)), where the target holds 1 / count for the right class.
 */
export function gradientGraph(network: Network, imageShape: Shape, seed: number): GradientGraph {
  const declared = networkInputs('training');
  const image = input('image', imageShape);
  const logits = network.forward(scopeOf(declared.source), image);
  const target = input('target', logits.shape);
  const loss = neg(reduceSum(mul(target, logSoftmax(logits, 1))));
  const random = testRandom(seed);
  const pixels = Float32Array.from({ length: sizeOf(imageShape) }, () => random.normal());
  const arrays = {
    ...randomWeights(declared, seed + 1),
    image: { shape: imageShape, values: pixels },
    target: { shape: logits.shape, values: randomTarget(logits.shape, random.uniform) },
  };
  const names = [...declared.parameters.keys()];
  const results = gradients(loss, [...declared.parameters.values()]);
  const tensors = [...declared.parameters, ['image', image] as const, ['target', target] as const];
  return {
    network,
    names,
    gradients: results,
    feeds: new Map(tensors.map(([name, tensor]) => [tensor, arrays[name as keyof typeof arrays].values])),
    arrays,
  };
}

function randomTarget([n, classes, ...spatial]: Shape, uniform: () => number): Float32Array {
  const pixels = sizeOf(spatial);
  const target = new Float32Array(n! * classes! * pixels);
  for (let i = 0; i < n! * pixels; i++) {
    const [image, pixel] = [Math.floor(i / pixels), i % pixels];
    const chosen = Math.floor(classes! * uniform());
    target[(image * classes! + chosen) * pixels + pixel] = 1 / (n! * pixels);
  }
  return target;
}

/** |found - exact| / |exact| over all arrays together. */
export function jointError(found: readonly ArrayLike<number>[], exact: readonly ArrayLike<number>[]): number {
  let difference = 0;
  let size = 0;
  for (const [k, values] of exact.entries()) {
    for (let i = 0; i < values.length; i++) {
      difference += (found[k]![i]! - values[i]!) ** 2;
      size += values[i]! ** 2;
    }
  }
  return Math.sqrt(difference / size);
}
