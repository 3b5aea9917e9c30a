/**
 * The one source of randomness: sfc32 (Chris Doty-Humphrey's PractRand), 128 bits of state,
 * seeded through a 128-bit FNV-like hash of the seed and a path of names. Uses only integer arithmetic
 * and, for `normal`, `Math.sqrt` and `Math.log`; the same seed gives the same numbers on every Node version
 * whose V8 has the same `Math.log` (20 and 24 do: see the test).
 */
export interface SeededRandom {
  /** Uniform in [0, 1) with 32 random bits. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Whole number in 0..count-1. */
  integer(count: number): number;
  /** Standard normal (Marsaglia's polar method). */
  normal(): number;
  /** A new generator whose stream depends on this one's seed and the names only, not on numbers drawn so far. */
  derive(...names: readonly (string | number)[]): SeededRandom;
}

/** Creates the generator of `seed` and a path of names, e.g. `createRandom(7, 'phantom', 3)`. */
export function createRandom(...path: readonly (string | number)[]): SeededRandom {
  const [a0, b0, c0, d0] = hashPath(path);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  const next = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const uniform = () => next() / 4294967296;
  let spare = Number.NaN;
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer: (count) => Math.floor(uniform() * count),
    normal: () => {
      if (!Number.isNaN(spare)) {
        const value = spare;
        spare = Number.NaN;
        return value;
      }
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) {
          const scale = Math.sqrt((-2 * Math.log(s)) / s);
          spare = v * scale;
          return u * scale;
        }
      }
    },
    derive: (...names) => createRandom(...path, ...names),
  };
}

function hashPath(path: readonly (string | number)[]): [number, number, number, number] {
  const text = path.map((part) => `${typeof part === 'number' ? '#' : '$'}${part}`).join('\u0000');
  let h1 = 0x9e3779b9;
  let h2 = 0x243f6a88;
  let h3 = 0xb7e15162;
  let h4 = 0xdeadbeef;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    h1 = h2 ^ Math.imul(h1 ^ code, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ code, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ code, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ code, 2716044179);
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067);
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233);
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213);
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179);
  return [h1 ^ h2 ^ h3 ^ h4, h2 ^ h1, h3 ^ h1, h4 ^ h1];
}

/** Shuffles in place (Fisher-Yates) and returns the same array. */
export function shuffle<T>(items: T[], random: SeededRandom): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
