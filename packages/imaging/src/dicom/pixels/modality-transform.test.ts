import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explicitLittleEndian } from '../parse/transfer-syntax.ts';
import { convertFrame } from './modality-transform.ts';
import type { PixelDescription } from './pixel-description.ts';

const describe16 = (bitsStored: number, highBit: number, signed: boolean): PixelDescription => ({
  rows: 1,
  columns: 1,
  frames: 1,
  samples: 1,
  planarConfiguration: 0,
  photometric: 'MONOCHROME2',
  kind: 'integer',
  bitsAllocated: 16,
  bitsStored,
  highBit,
  signed,
  syntax: explicitLittleEndian,
  offset: 0,
  length: 2,
});

test('16-bit words of any depth, sign and rescale become what the definition says, by every fast path', () => {
  const edge = fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff, 0x0fff, 0x0800, 0x83ff, 0x8400, 0xfc00, 0xfbff);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(edge, fc.integer({ min: 0, max: 65535 })), { minLength: 1, maxLength: 40 }),
      fc.constantFrom(16, 16, 15, 12, 8),
      fc.constantFrom(0, 0, 1, 4),
      fc.boolean(),
      fc.constantFrom(1, 1, 2, -3, 20000),
      fc.oneof(fc.constantFrom(0, -1024, -1, 32767, -32768, 40000), fc.integer({ min: -3000, max: 3000 })),
      fc.integer({ min: 0, max: 3 }),
      (list, bitsStored, shift, signed, slope, intercept, at) => {
        const highBit = Math.min(15, bitsStored - 1 + shift);
        const words = Uint16Array.from(list);
        const expected = list.map((word) => {
          const stored = (word >> (highBit - bitsStored + 1)) & (2 ** bitsStored - 1);
          return (
            (signed && stored >= 2 ** (bitsStored - 1) ? stored - 2 ** bitsStored : stored) * slope +
            intercept
          );
        });
        const out = new Int16Array(words.length + 4);
        const d = describe16(bitsStored, highBit, signed);
        const result = convertFrame(
          words,
          d,
          { slope, intercept, stated: true },
          undefined,
          out,
          at,
          words.length,
        );
        const fits = expected.every((value) => value >= -32768 && value <= 32767);
        expect(result.fits).toBe(fits);
        if (!fits) return;
        expect([...out.subarray(at, at + words.length)]).toEqual(expected);
        expect(result.belowAir).toBe(expected.filter((value) => value < -1024).length);
        expect([...out.subarray(0, at), ...out.subarray(at + words.length)].every((v) => v === 0)).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});
