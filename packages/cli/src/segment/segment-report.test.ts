import { expect, test } from 'vitest';
import { renderSegmentReport } from './segment-scans.ts';

test('what reading found is told once: the warnings of a segmentation hold it already', () => {
  const message = '2 slices are missing.';
  const text = renderSegmentReport({
    schema: 'glisson.segment/1',
    notice: 'Research use only, not a medical device.',
    model: { path: 'run/model.onnx', sha256: '' },
    scans: [
      {
        name: 'scan',
        input: 'scan',
        output: 'result',
        liverMl: 1500,
        lesionMl: 0,
        tumourBurden: 0,
        lesions: [],
        warnings: [{ code: 'missing-slices', message }],
        findings: [{ severity: 'warning', code: 'missing-slices', message }],
      },
    ],
    failed: [],
    skipped: [],
  });
  expect(text.split(message)).toHaveLength(2);
});
