import { identityDirection, type Mat3 } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { summariseCase } from './case-summary.ts';
import { createFingerprint } from './fingerprint.ts';
import {
  averageHistograms,
  binOf,
  clippedBodyStatistics,
  createHistogram,
  percentileHU,
} from './hu-histogram.ts';

function histogramOf(values: readonly number[]): Float64Array {
  const histogram = createHistogram();
  for (const value of values) histogram[binOf(value)]!++;
  return histogram;
}

describe('histogram', () => {
  test('percentiles are those of the sorted list', () => {
    const values = Array.from({ length: 1000 }, (_, i) => i - 300);
    const histogram = histogramOf(values);
    expect(percentileHU(histogram, 0.5)).toBe(-296);
    expect(percentileHU(histogram, 50)).toBe(199);
    expect(percentileHU(histogram, 99.5)).toBe(694);
    expect(percentileHU(createHistogram(), 50)).toBeNull();
  });

  test('mean and deviation are those of clipped voxels above the window', () => {
    const values = [-1000, -1000, -160, -100, 0, 100, 900];
    const clipped = [-100, 0, 100, 240];
    const mean = clipped.reduce((a, b) => a + b) / 4;
    const sd = Math.sqrt(clipped.reduce((a, b) => a + (b - mean) ** 2, 0) / 4);
    const found = clippedBodyStatistics(histogramOf(values), [-160, 240])!;
    expect(found.mean).toBeCloseTo(mean, 9);
    expect(found.sd).toBeCloseTo(sd, 9);
    expect(clippedBodyStatistics(histogramOf([-1000, -500]), [-160, 240])).toBeNull();
  });

  test('a large case does not speak for a small one', () => {
    const large = histogramOf(new Array<number>(10000).fill(100));
    const small = histogramOf([0, 0, 0]);
    expect(percentileHU(averageHistograms([large, small]), 45)).toBe(0);
  });
});

/** Axes run to superior, left, anterior: in LPS order the sizes are 3, 4, 2. */
const superiorFirst: Mat3 = [0, 1, 0, 0, 0, -1, 1, 0, 0];

function summary(id: string, patient: string, offset = 0) {
  const geometry = {
    size: [2, 3, 4],
    spacing: [5, 0.5, 0.75],
    origin: [0, 0, 0],
    direction: superiorFirst,
  } as const;
  const voxels = Int16Array.from({ length: 24 }, (_, i) => i * 10 - 100 + offset);
  const labels = Uint8Array.from({ length: 24 }, (_, i) => (i >= 20 ? 2 : i >= 10 ? 1 : 0));
  return summariseCase(
    id,
    patient,
    createVolume(geometry, voxels),
    createLabelmap(geometry, labels, liverLabels),
  );
}

describe('summariseCase', () => {
  test('puts axes in LPS order and counts liver with its lesions', () => {
    const found = summary('a', 'A');
    expect(found.size).toEqual([3, 4, 2]);
    expect(found.spacingMm).toEqual([0.5, 0.75, 5]);
    expect(found.rangeHU).toEqual([-100, 130]);
    expect([found.liverVoxels, found.lesionVoxels]).toEqual([14, 4]);
    expect(found.liverMl).toBeCloseTo((14 * 5 * 0.5 * 0.75) / 1000, 12);
    expect(percentileHU(found.lesionHistogram, 50)).toBe(110);
    expect(found.findings.map((f) => f.code)).toEqual(['labels-too-large']);
  });

  test('refuses NaN and constant scans, and doubts pictures and missing labels', () => {
    const geometry = {
      size: [4, 2, 1],
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: identityDirection,
    } as const;
    const of = (values: number[], labels = [0, 0, 0, 0, 0, 0, 0, 0]) =>
      summariseCase(
        'x',
        'x',
        createVolume(geometry, Float32Array.from(values)),
        createLabelmap(geometry, Uint8Array.from(labels), liverLabels),
      );
    expect(() => of([1, 2, 3, Number.NaN, 5, 6, 7, 8])).toThrowError(/not numbers/);
    expect(() => of([7, 7, 7, 7, 7, 7, 7, 7])).toThrowError(/equal/);
    const codes = of([0, 1, 2, 3, 4, 5, 6, 255]).findings.map((f) => f.code);
    expect(codes).toEqual(['no-liver-labelled', 'hu-range-odd']);
    expect(of([-9, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0, 1]).findings.map((f) => f.code)).toEqual([
      'no-lesion-labelled',
    ]);
  });
});

test('the fingerprint holds ranges over cases', () => {
  const made = createFingerprint([summary('a', 'A'), summary('b', 'A', 30)], 'hash');
  expect(made.cases).toBe(2);
  expect(made.patients).toBe(1);
  expect(made.spacingMm).toEqual([
    [0.5, 0.5],
    [0.75, 0.75],
    [5, 5],
  ]);
  expect(made.fieldOfViewMm[2]).toEqual([10, 10]);
  expect(made.rangeHU).toEqual([-100, 160]);
  expect(made.lesionVoxelShare).toBeCloseTo(8 / 48, 12);
  expect(made.lesionPercentilesHU).toEqual([100, 130, 160]);
});
