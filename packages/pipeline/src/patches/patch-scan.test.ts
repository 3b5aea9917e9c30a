import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { describe, expect, test } from 'vitest';
import type { PatchPreprocess } from '../plan/patch-plan.ts';
import { openPatchScan } from './patch-scan.ts';

const geometry = {
  size: [40, 30, 3],
  spacing: [5, 5, 5],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;

/** A body of 20 x 16 pixels whose values run from -100 to 200, in air. */
function image(k: number): Int16Array {
  const slice = new Int16Array(1200).fill(-160);
  for (let y = 7; y < 23; y++) {
    for (let x = 10; x < 30; x++) slice[y * 40 + x] = -100 + (((x - 10) * 16 + y - 7 + 10 * k) % 300);
  }
  return slice;
}

const plan: PatchPreprocess = {
  windowHU: [-160, 240],
  spacingMm: null,
  equalise: { method: 'none', histogram: 'body', clipLimit: 2, tiles: [2, 2] },
  crop: 'body',
  padding: { pixels: 4, value: 0 },
  channels: { source: 'repeat', count: 1, spacingMm: 5, windowsHU: [] },
  mean: 0.5,
  sd: 0.25,
};

const open = (changes: Partial<PatchPreprocess>, liver?: (k: number) => Uint8Array) =>
  openPatchScan({ geometry, image }, { ...plan, ...changes }, liver);

describe('openPatchScan', () => {
  test('crops to the body, and its grey values run from one end of the window to the other', () => {
    const scan = open({});
    expect(scan.crop.x).toBeGreaterThanOrEqual(8);
    expect(scan.crop.width).toBeLessThanOrEqual(24);
    const { crop } = scan;
    const grey = scan.channels(1);
    const hu = image(1)[(crop.y + 5) * 40 + crop.x + 6]!;
    expect(grey[5 * crop.width + 6]).toBeCloseTo(((hu + 160) / 400 - 0.5) / 0.25, 5);
    expect(scan.padding).toBe(-2);
    expect(scan.body(1)).toContain(1);
    expect(scan.liver(1)).toBeUndefined();
  });

  test('equalised, the grey values of the body are spread evenly; of the whole slice, air takes most of the range', () => {
    const values = (histogram: 'body' | 'slice') => {
      const scan = open({ equalise: { ...plan.equalise, method: 'plain', histogram }, mean: 0, sd: 1 });
      const body = scan.body(0);
      return scan
        .channels(0)
        .filter((_, i) => body[i] === 1)
        .sort();
    };
    const ofBody = values('body');
    expect(ofBody[Math.floor(ofBody.length / 2)]).toBeCloseTo(0.5, 1);
    expect(values('slice')[0]).toBeGreaterThan(0.6);
  });

  test('channels: the slice again, its neighbours, or windows of it', () => {
    const one = open({}).channels(1);
    const area = one.length;
    const repeated = open({ channels: { ...plan.channels, count: 3 } }).channels(1);
    expect(repeated.subarray(2 * area)).toEqual(one);
    const scan = open({ channels: { ...plan.channels, source: 'neighbours', count: 3 } });
    expect(scan.channels(1).subarray(0, area)).toEqual(open({}).channels(0));
    expect(scan.channels(2).subarray(2 * area)).toEqual(open({}).channels(2));
    const windows = open({
      channels: {
        ...plan.channels,
        source: 'windows',
        count: 2,
        windowsHU: [
          [-160, 240],
          [0, 100],
        ],
      },
    }).channels(1);
    expect(windows.subarray(0, area)).toEqual(one);
    expect(Math.max(...windows.subarray(area))).toBe(2);
    expect(windows.subarray(area).filter((v) => v === 2).length).toBeGreaterThan(50);
  });

  test('crops to a liver that is known, and says so where it is not', () => {
    const liver = (k: number) => {
      const mask = new Uint8Array(1200);
      if (k === 1) mask[9 * 40 + 12] = mask[14 * 40 + 20] = 2;
      return mask;
    };
    const scan = open({ crop: 'liver' }, liver);
    expect(scan.crop).toEqual({ x: 12, y: 9, width: 9, height: 6 });
    expect(scan.liver(1)!.reduce((a, b) => a + b)).toBe(2);
    expect(() => open({ crop: 'liver' })).toThrowError(/--liver/);
    expect(() => open({ crop: 'liver' }, () => new Uint8Array(1200))).toThrowError(/empty/);
  });
});
