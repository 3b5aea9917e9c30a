import { createRandom } from '@glisson/imaging/random/seeded-random';
import { expect, test } from 'vitest';
import { importanceOf } from './importance.ts';

const random = createRandom(5, 'importance test');
const count = 60;
const strong = Array.from({ length: count }, () => random.uniform());
const named = Array.from({ length: count }, () => ['a', 'b', 'c'][random.integer(3)]!);
const useless = Array.from({ length: count }, () => random.uniform());
const columns = {
  strong: { kind: 'number', values: strong },
  named: { kind: 'name', values: named },
  useless: { kind: 'number', values: useless },
} as const;

test('what decides the outcome is found, in order, and what does not gets next to nothing', () => {
  const outcomes = strong.map((x, i) => 2 * x + (named[i] === 'b' ? 0.8 : 0) + 0.02 * random.normal());
  const found = importanceOf(columns, outcomes, 1)!;
  expect(found.fields.map(({ field }) => field)).toEqual(['strong', 'named', 'useless']);
  expect(found.explained).toBeGreaterThan(0.7);
  expect(found.fields[1]!.share).toBeGreaterThan(0.15);
  expect(found.fields[2]!.share).toBeLessThan(0.05);
  expect(importanceOf(columns, outcomes, 1)).toEqual(found);
});

test('fields that vary only in some trials count where they do', () => {
  const values = strong.map((x, i) => (named[i] === 'b' ? x : null));
  const outcomes = values.map((x) => (x === null ? 0.3 : x) + 0.01 * random.normal());
  const found = importanceOf({ ...columns, strong: { kind: 'number', values } }, outcomes, 1)!;
  expect(found.fields[0]!.field).toBe('strong');
});

test('noise is said to be noise', () => {
  const outcomes = strong.map(() => random.normal());
  expect(importanceOf(columns, outcomes, 1)!.explained).toBeLessThan(0.1);
});

test('too few trials, or all alike, say nothing', () => {
  expect(importanceOf(columns, [1, 2, 3], 1)).toBeNull();
  expect(
    importanceOf(
      columns,
      strong.map(() => 0.5),
      1,
    ),
  ).toBeNull();
  expect(importanceOf({}, strong, 1)).toBeNull();
});
