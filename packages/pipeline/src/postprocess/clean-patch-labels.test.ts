import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { expect, test } from 'vitest';
import { cleanPatchLabels } from './clean-patch-labels.ts';

const geometry = {
  size: [8, 3, 1],
  spacing: [10, 10, 10],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;
const rules = { lesionThreshold: 0.5, minLesionMl: 1.5, lesionsInLiverOnly: true };
const labels = (text: string) => Uint8Array.from([...text.replaceAll(/\s/g, '')].map(Number));

test('without a liver, small lesions become background', () => {
  const voxels = labels('22000020 00000000 00022200');
  const facts = cleanPatchLabels(voxels, geometry, rules, undefined);
  expect(voxels).toEqual(labels('22000000 00000000 00022200'));
  expect(facts).toEqual({ liverFound: false, liverMl: 5, droppedLesions: 1 });
});

test('in a known liver small ones become liver, and those beside it go', () => {
  const voxels = labels('11200022 11100022 12210000');
  const liver = labels('11100000 11100000 11110000');
  const facts = cleanPatchLabels(voxels, geometry, rules, liver);
  expect(voxels).toEqual(labels('11100000 11100000 12210000'));
  expect(facts).toEqual({ liverFound: true, liverMl: 10, droppedLesions: 2 });
  const kept = labels('11200022 11100022 12210000');
  cleanPatchLabels(kept, geometry, { ...rules, minLesionMl: 0, lesionsInLiverOnly: false }, liver);
  expect(kept).toEqual(labels('11200022 11100022 12210000'));
});

test('a lesion that fills all of the known liver stays, and so does one that grows out of it', () => {
  const voxels = labels('00222000 00222000 00000022');
  const liver = labels('00222000 00222000 00000000');
  const facts = cleanPatchLabels(voxels, geometry, rules, liver);
  expect(voxels).toEqual(labels('00222000 00222000 00000000'));
  expect(facts).toEqual({ liverFound: true, liverMl: 6, droppedLesions: 1 });
  const grown = labels('02222220 00222000 00000000');
  cleanPatchLabels(grown, geometry, rules, liver);
  expect(grown).toEqual(labels('02222220 00222000 00000000'));
});

test('where a lesion that is too small reaches out of the liver, only its part within becomes liver', () => {
  const voxels = labels('11100000 11122000 11100000');
  cleanPatchLabels(voxels, geometry, { ...rules, minLesionMl: 3 }, labels('11100000 11110000 11100000'));
  expect(voxels).toEqual(labels('11100000 11110000 11100000'));
});
