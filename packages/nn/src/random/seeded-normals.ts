import { checkValue } from '../options/check-options.ts';
import { wholeNumber } from '../options/rules.ts';
import type { NormalSource } from '../training/initialise.ts';

/**
 * A generator of uniform numbers in [0, 1) and of standard normal numbers, the same for the same seed on every machine:
 * mulberry32 (Tommy Ettinger, public domain) and the polar form of Box and Muller's transform (Marsaglia and Bray, 1964).
 */
export function seededNormals(seed: number): NormalSource & { uniform(): number } {
  checkValue('seededNormals: seed', seed, wholeNumber);
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = (): number => {
    for (;;) {
      const [u, v] = [2 * uniform() - 1, 2 * uniform() - 1];
      const square = u * u + v * v;
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square);
    }
  };
  return { uniform, normal };
}
