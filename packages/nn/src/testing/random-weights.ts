import { sizeOf } from '../graph/shape.ts';
import type { NamedArray } from '../weights/safetensors.ts';
import type { NetworkInputs } from './network-inputs.ts';
import { testRandom } from './numbers.ts';

/**
 * Weights for every parameter and statistic that a network declares, by name: drawn as it says, but with gains, biases
 * and statistics that differ from the ones and zeros of a fresh network.
 */
export function randomWeights(declared: NetworkInputs, seed: number): Record<string, NamedArray> {
  const random = testRandom(seed);
  const draw = (shape: readonly number[], value: () => number): NamedArray => ({
    shape,
    values: Float32Array.from({ length: sizeOf(shape) }, value),
  });
  // Mean 0 and deviation 1 as well, and much sooner drawn than normal numbers.
  const spread = () => Math.sqrt(12) * (random.uniform() - 0.5);
  const arrays: Record<string, NamedArray> = {};
  for (const [name, { shape, initialiser }] of declared.specs) {
    arrays[name] = draw(shape, () =>
      initialiser.kind === 'normal' ? initialiser.sd * spread() : initialiser.value + 0.1 * random.normal(),
    );
  }
  for (const [name, { shape }] of declared.statistics) {
    const isVariance = name.endsWith('.running_var');
    arrays[name] = draw(shape, () => (isVariance ? Math.exp(0.2 * random.normal()) : 0.1 * random.normal()));
  }
  return arrays;
}
