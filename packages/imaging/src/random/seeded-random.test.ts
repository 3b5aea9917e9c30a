import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, shuffle } from './seeded-random.ts';

const names = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 });

describe('seeded random', () => {
  test('the same seed and names give the same numbers; any other name gives others', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        const first = createRandom(...a);
        const again = createRandom(...a);
        const drawn = Array.from({ length: 8 }, () => first.uniform());
        expect(Array.from({ length: 8 }, () => again.uniform())).toEqual(drawn);
        if (JSON.stringify(a) !== JSON.stringify(b)) {
          const other = createRandom(...b);
          expect(Array.from({ length: 8 }, () => other.uniform())).not.toEqual(drawn);
        }
      }),
    );
  });

  test('a number and its text are different names', () => {
    expect(createRandom(1).uniform()).not.toBe(createRandom('1').uniform());
  });

  test('derived streams do not depend on what was drawn before', () => {
    const fresh = createRandom(7).derive('noise', 3).uniform();
    const used = createRandom(7);
    used.uniform();
    used.normal();
    expect(used.derive('noise', 3).uniform()).toBe(fresh);
  });

  test('moments and tails of uniform, normal and integer', () => {
    const random = createRandom(42, 'moments');
    const count = 200_000;
    let [mean, square, normalMean, normalSquare, beyond2] = [0, 0, 0, 0, 0];
    const dice = new Array<number>(6).fill(0);
    for (let i = 0; i < count; i++) {
      const u = random.uniform();
      mean += u / count;
      square += (u * u) / count;
      const n = random.normal();
      normalMean += n / count;
      normalSquare += (n * n) / count;
      if (Math.abs(n) > 1.959964) beyond2++;
      dice[random.integer(6)]!++;
    }
    expect(mean).toBeCloseTo(1 / 2, 2);
    expect(square).toBeCloseTo(1 / 3, 2);
    expect(Math.abs(normalMean)).toBeLessThan(0.01);
    expect(normalSquare).toBeCloseTo(1, 1);
    expect(beyond2 / count).toBeCloseTo(0.05, 2);
    for (const face of dice) expect(face / count).toBeCloseTo(1 / 6, 2);
  });

  test('the stream is pinned: other numbers on another Node version would change every phantom', () => {
    const random = createRandom(1, 'pinned');
    const numbers = Float64Array.from({ length: 1000 }, (_, i) =>
      i % 2 ? random.uniform() : random.normal(),
    );
    expect(createHash('sha256').update(new Uint8Array(numbers.buffer)).digest('hex').slice(0, 16)).toBe(
      '383baeb042c407e6',
    );
  });

  test('shuffle keeps all items and reaches every order', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) seen.add(shuffle([1, 2, 3], createRandom(seed)).join(''));
    expect([...seen].sort()).toEqual(['123', '132', '213', '231', '312', '321']);
  });
});
