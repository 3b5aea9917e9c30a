import type { FoundScan, FoundSeries } from '@glisson/pipeline/inspect/find-scans';
import { expect, test } from 'vitest';
import { chooseScans } from './choose-scans.ts';

const series = (name: string, about: Partial<FoundSeries>): FoundScan => ({
  name,
  path: '/study',
  series: {
    seriesInstanceUid: name,
    images: 100,
    isLocalizer: false,
    findings: [],
    modality: 'CT',
    ...about,
  },
});
const file = (path: string): FoundScan => ({ name: path, path });
const chosen = (...scans: FoundScan[]) => {
  const { scans: taken, skipped } = chooseScans({ scans, skipped: [], findings: [] });
  return { taken: taken.map((scan) => scan.name), skipped: skipped.map((scan) => scan.name) };
};

test('localisers, stacks that are no volume, and other modalities beside a CT are passed over', () => {
  const scans = [
    series('venous', {}),
    series('scout', { isLocalizer: true, images: 2 }),
    series('report', { refusal: 'A single slice is no volume.' }),
    series('pet', { modality: 'PT' }),
    series('arterial', {}),
  ];
  expect(chosen(...scans)).toEqual({ taken: ['venous', 'arterial'], skipped: ['scout', 'report', 'pet'] });
});

test('another modality alone is left to the checks of segmentation', () => {
  expect(chosen(series('mr', { modality: 'MR' })).taken).toEqual(['mr']);
});

test('files named as labels are no scans, unless a dataset says so', () => {
  const found = chosen(file('/d/volume-1.nii'), file('/d/segmentation-1.nii'), file('/d/labels.nii.gz'));
  expect(found.taken).toEqual(['/d/volume-1.nii']);
  expect(chosen(file('/d/masked-patient.nii'), file('/d/segovia.nii')).taken).toHaveLength(2);
});
