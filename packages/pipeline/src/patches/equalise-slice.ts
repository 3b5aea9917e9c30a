import { clahe } from '@glisson/imaging/process/clahe';
import { equaliseHistogram } from '@glisson/imaging/process/equalise';
import type { PatchPreprocess } from '../plan/patch-plan.ts';

/**
 * Grey values of a slice, 0 to 1: clipped to `windowHU`, whose ends become 0 and 1, then equalised as the plan says.
 * @param hu [height, width]; not changed
 * @param body pixels whose histogram counts
 */
export function greySlice(
  hu: Int16Array,
  size: readonly [number, number],
  windowHU: readonly [number, number],
  { method, histogram, clipLimit, tiles }: PatchPreprocess['equalise'],
  body: Uint8Array,
): Float32Array {
  const [low, high] = windowHU;
  const grey = Float32Array.from(hu, (value) => {
    return (Math.min(Math.max(value, low), high) - low) / (high - low);
  });
  const mask = histogram === 'body' && body.includes(1) ? body : undefined;
  switch (method) {
    case 'none':
      return grey;
    case 'plain':
      return equaliseHistogram(grey, { range: [0, 1], bins: 256, mask });
    case 'clahe': {
      const levels = Uint8Array.from(grey, (value) => Math.round(value * 255));
      return Float32Array.from(clahe(levels, size, { clipLimit, tiles, mask }), (level) => level / 255);
    }
  }
}
