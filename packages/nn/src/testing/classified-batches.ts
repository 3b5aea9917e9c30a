import { type Shape, sizeOf } from '../graph/shape.ts';
import { testRandom } from './numbers.ts';

/** Batch number `seed` of noise whose mean depends on its class: images of the shape and one target each. */
export function classifiedBatch(
  seed: number,
  shape: Shape,
  classes = 3,
): { images: Float32Array; targets: Uint8Array } {
  const random = testRandom(seed);
  const targets = Uint8Array.from({ length: shape[0]! }, () => Math.floor(classes * random.uniform()));
  const size = sizeOf(shape.slice(1));
  const images = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => random.normal() + targets[Math.floor(i / size)]! - 1,
  );
  return { images, targets };
}
