import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { describe, expect, test } from 'vitest';
import type { PostprocessPlan } from '../plan/plan.ts';
import { cleanLabels } from './clean-labels.ts';

const rules: PostprocessPlan = {
  liverThreshold: 0.5,
  lesionThreshold: 0.5,
  largestLiverOnly: true,
  fillLiverHoles: true,
  lesionsInLiverOnly: true,
  minLesionMl: 0,
  minLiverMl: 0,
};

/** Voxels of 1 ml. One text a slice, one line a row. */
function grid(...slices: string[]): { geometry: Geometry; voxels: Uint8Array } {
  const rows = slices.map((slice) => slice.trim().split(/\s+/));
  const size = [rows[0]![0]!.length, rows[0]!.length, slices.length] as const;
  const geometry: Geometry = { size, spacing: [10, 10, 10], origin: [0, 0, 0], direction: identityDirection };
  return { geometry, voxels: Uint8Array.from([...rows.flat().join('')].map(Number)) };
}

function cleaned(slices: string[], changes: Partial<PostprocessPlan> = {}) {
  const { geometry, voxels } = grid(...slices);
  const facts = cleanLabels(voxels, geometry, { ...rules, ...changes });
  const text = [...voxels].join('').match(new RegExp(`.{${geometry.size[0]}}`, 'g'))!;
  return { facts, text };
}

describe('cleaning labels', () => {
  test('keeps the largest liver, over corners, with the lesions that touch it', () => {
    const { text, facts } = cleaned(['11000200 11000011 00200011', '00000000 00010000 00000000']);
    expect(text).toEqual(['11000000', '11000000', '00200000', '00000000', '00010000', '00000000']);
    expect(facts).toEqual({ liverFound: true, liverMl: 6, droppedLesions: 0 });
  });

  test('fills holes of a slice but not bays', () => {
    expect(cleaned(['111000 101011 111010 000011']).text).toEqual(['111000', '111000', '111000', '000000']);
    expect(cleaned(['11110 10010 10110']).text).toEqual(['11110', '10010', '10110']);
  });

  test('the hole of a ring that touches its box everywhere is filled', () => {
    expect(cleaned(['0110 1001 0110']).text).toEqual(['0110', '1111', '0110']);
  });

  test('drops small lesions to liver', () => {
    const { text, facts } = cleaned(['111111 122121 111111'], { minLesionMl: 1.5 });
    expect(text).toEqual(['111111', '122111', '111111']);
    expect(facts.droppedLesions).toBe(1);
  });

  test('without a liver of the least size nothing is left, and the size is told', () => {
    const { text, facts } = cleaned(['1200 0000'], { minLiverMl: 3 });
    expect(text).toEqual(['0000', '0000']);
    expect(facts).toEqual({ liverFound: false, liverMl: 2, droppedLesions: 0 });
  });

  test('lesions alone are no liver', () => {
    expect(cleaned(['0220 0220']).text).toEqual(['0000', '0000']);
    expect(cleaned(['0220 0220'], { lesionsInLiverOnly: false }).text).toEqual(['0220', '0220']);
  });

  test('every liver is kept when the plan says so, lesions without liver are not', () => {
    const { text } = cleaned(['1100010 1100020 0000000 2200000'], { largestLiverOnly: false });
    expect(text).toEqual(['1100010', '1100020', '0000000', '0000000']);
  });

  test('nothing at all is no liver', () => {
    expect(cleaned(['000 000']).facts).toEqual({ liverFound: false, liverMl: 0, droppedLesions: 0 });
  });
});
