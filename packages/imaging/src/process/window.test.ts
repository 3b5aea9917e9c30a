import { describe, expect, test } from 'vitest';
import { createVolume } from '../volume/volume.ts';
import { clipHU, windowFromCenter, windowToBytes } from './window.ts';

const window = { low: -160, high: 240 };

describe('windowToBytes', () => {
  test('ends, middle, halves up, NaN', () => {
    const voxels = Float32Array.of(-1e9, -160, -159.22, -159.21, 40, 239.99, 240, 1e9, Number.NaN);
    // One grey level is 400 / 255 HU, so that half a level lies 0.784 HU above the low end.
    expect([...windowToBytes(voxels, window)]).toEqual([0, 0, 0, 1, 128, 255, 255, 255, 0]);
  });

  test('a large Int16 volume goes through a table with the same result', () => {
    const all = Int16Array.from({ length: 65537 }, (_, i) => i - 32768);
    const geometry = {
      size: [65537, 1, 1],
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    } as const;
    const bytes = windowToBytes(createVolume(geometry, all), window);
    expect(bytes).toEqual(windowToBytes(Float32Array.from(all), window));
    for (let v = -160; v <= 240; v++) expect(bytes[v + 32768]).toBe(Math.round(((v + 160) * 255) / 400));
  });

  test('an empty or nonsensical window is refused', () => {
    for (const [low, high] of [
      [5, 5],
      [6, 5],
      [Number.NaN, 5],
    ] as const)
      expect(() => windowToBytes(Int16Array.of(1), { low, high })).toThrow(/empty/);
  });
});

test('windowFromCenter follows DICOM LINEAR: 2048 / 4096 is 0 to 4095', () => {
  expect(windowFromCenter(2048, 4096)).toEqual({ low: 0, high: 4095 });
});

describe('clipHU', () => {
  test('keeps the type, holds values, NaN becomes low', () => {
    expect(clipHU(Int16Array.of(-1024, -160, 0, 240, 3000), window)).toEqual(
      Int16Array.of(-160, -160, 0, 240, 240),
    );
    expect(
      clipHU(Float32Array.of(Number.NaN, -0.5, 0.25, Number.POSITIVE_INFINITY), { low: -0.25, high: 0.5 }),
    ).toEqual(Float32Array.of(-0.25, -0.25, 0.25, 0.5));
  });

  test('bounds beyond Int16 clip nothing; fractional ones are refused for Int16', () => {
    const ends = Int16Array.of(-32768, 32767);
    expect(clipHU(ends, { low: -100000, high: 100000 })).toEqual(ends);
    expect(() => clipHU(ends, { low: -0.5, high: 1 })).toThrow(/whole/);
  });
});
