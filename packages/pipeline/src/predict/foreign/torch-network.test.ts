import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AxisMap, reorientVolume } from '@glisson/imaging/process/reorient';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { blockPhantom } from '../../testing/threshold-model.ts';
import { loadModel } from '../load-model.ts';
import { segmentScan } from '../segment-scan.ts';

const tools = ['python3-torch', 'python3-onnx', 'python3-nibabel', 'python3-numpy'];
const script = fileURLToPath(new URL('../../../src/testing/torch_segment.py', import.meta.url));
const { volume } = blockPhantom();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-torch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the script does, in the words of docs/how-to/run-a-foreign-onnx-model.md. */
const plan = {
  kind: 'foreign-network',
  version: 1,
  name: 'from PyTorch',
  input: {
    layout: 'NCHW',
    rows: 'R',
    columns: 'A',
    channels: [-1, 0, 1].map((sliceOffset) => ({
      windowHU: [-160, 240],
      scaleTo: [0, 1],
      mean: 0.4,
      sd: 0.25,
      sliceOffset,
    })),
    spacingMm: null,
  },
  tile: { size: [60, 44] },
  output: {
    layout: 'NCHW',
    activation: 'softmax',
    labels: [
      { value: 0, meaning: 'background' },
      { value: 1, meaning: 'liver' },
      { value: 2, meaning: 'lesion' },
    ],
  },
  postprocess: {
    liverThreshold: 0.62,
    lesionThreshold: 0.34,
    largestLiverOnly: false,
    fillLiverHoles: false,
    lesionsInLiverOnly: false,
    minLesionMl: 0,
    minLiverMl: 0,
  },
};

test.skipIf(!hasSystemTools(tools)).each<[string, AxisMap]>([
  ['as it is', { perm: [0, 1, 2], flip: [false, false, false] }],
  ['stored from head to feet and mirrored', { perm: [0, 1, 2], flip: [true, false, true] }],
])(needs(tools, "a network exported by PyTorch gives PyTorch's labels on a scan %s"), async (name, map) => {
  const path = (file: string) => join(folder, `${name} ${file}`);
  await writeVolumeFile(path('scan.nii.gz'), reorientVolume(volume, map));
  const { status, stderr } = spawnSync(debianPython, [
    script,
    path('scan.nii.gz'),
    path('net.onnx'),
    path('labels'),
  ]);
  expect(status, String(stderr)).toBe(0);
  await writeFile(path('plan.json'), JSON.stringify(plan));
  const model = await loadModel(path('net.onnx'), path('plan.json'));
  const { labelmap } = await segmentScan(await readScan(path('scan.nii.gz')), model, { threads: 1 });

  const expected = await readFile(path('labels'));
  const counts = [0, 1, 2].map((label) => expected.filter((value) => value === label).length);
  expect(Math.min(...counts), `${counts}`).toBeGreaterThan(500);
  const differences = labelmap.voxels.filter((value, i) => value !== expected[i]).length;
  // Two softmaxes may round apart at a threshold.
  expect(differences).toBeLessThanOrEqual(2);
});
