import { expect, test } from 'vitest';
import type { PatchNetwork } from '../plan/patch-plan.ts';
import { offCentreFinding, pixelsOffCentre } from './off-centre.ts';

const small: PatchNetwork = {
  family: 'patch-cnn',
  inputChannels: 1,
  classes: 2,
  padding: 'valid',
  head: 'pooled',
  baseChannels: 2,
  pools: [3, 2, 3],
  dropout: 0,
};
const planWith = (patchSize: number, network: Partial<PatchNetwork> = {}) =>
  ({ network: { ...small, ...network }, training: { patchSize } }) as Parameters<typeof pixelsOffCentre>[0];

test.each([65, 73, 81, 97])(
  'of %i pixels the small network sees all, the judged one in the middle',
  (size) => {
    expect(pixelsOffCentre(planWith(size))).toBe(0);
    expect(offCentreFinding(planWith(size))).toEqual([]);
  },
);

test('columns that are left out, and fields of even width, are told', () => {
  expect(pixelsOffCentre(planWith(71))).toBe(3);
  expect(pixelsOffCentre(planWith(65, { pools: undefined }))).toBe(2.5);
  expect(pixelsOffCentre(planWith(61, { pools: undefined }))).toBe(0.5);
  expect(offCentreFinding(planWith(71))).toMatchObject([
    { code: 'patch-off-centre', message: expect.stringContaining('3 pixels before') },
  ]);
  expect(pixelsOffCentre(planWith(71, { family: 'resnet18', padding: 'same', baseChannels: null }))).toBe(0);
});
