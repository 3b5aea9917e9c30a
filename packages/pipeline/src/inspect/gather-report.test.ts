import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { writeLabelmapFile, writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { gatherReport, hasErrors } from './gather-report.ts';
import { inspectReportSchema } from './inspect-report.ts';
import { renderInspectPage } from './page/render-page.ts';
import { renderInspectText } from './render-text.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-inspect-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const grid: Geometry = {
  size: [8, 6, 4],
  spacing: [2, 2, 5],
  origin: [0, 0, 0],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};
const air = () => new Int16Array(8 * 6 * 4).fill(-1000).map((v, i) => (i % 3 === 0 ? 50 : v));
const codes = (findings: readonly { code: string }[]) => findings.map((finding) => finding.code);

describe('the report of a folder', () => {
  test('tells scans from labelmaps by their values, and fits its schema', async () => {
    await writeVolumeFile(join(folder, 'a.nii.gz'), createVolume(grid, air()));
    const labels = new Uint8Array(8 * 6 * 4);
    // Two pieces of label 1 that do not touch; one voxel of label 7.
    labels[0] = 1;
    labels[8 * 6 * 3 + 5] = 1;
    labels[20] = 7;
    const table = [...liverLabels, { value: 7, name: 'other' }];
    await writeLabelmapFile(join(folder, 'b.nii.gz'), createLabelmap(grid, labels, table));
    await writeFile(join(folder, 'notes.txt'), 'hello');
    const { report, sheets } = await gatherReport(folder, true);
    expect(inspectReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(
      JSON.parse(JSON.stringify(report)),
    );
    expect(report.items.map((item) => [item.name, item.kind])).toEqual([
      ['a', 'scan'],
      ['b', 'labelmap'],
    ]);
    expect(report.items[0]!.values).toMatchObject({ min: -1000, max: 50, notFinite: 0 });
    expect(report.items[1]!.labels).toEqual([
      { value: 1, name: undefined, voxels: 2, ml: 0.04, components: 2, slices: [0, 3] },
      { value: 7, name: undefined, voxels: 1, ml: 0.02, components: 1, slices: [0, 0] },
    ]);
    expect(report.skipped).toEqual([{ where: 'notes.txt', reason: expect.stringContaining('not DICOM') }]);
    expect(hasErrors(report)).toBe(false);
    expect(sheets.get('a')!.length).toBe(4 + 2);
    expect(renderInspectText(report)).toContain('8 x 6 x 4 voxels');
  });

  test('names what is wrong with values, and with labels that lie elsewhere', async () => {
    const broken = Float32Array.from(air());
    broken[7] = Number.NaN;
    await writeVolumeFile(join(folder, 'volume-1.nii.gz'), createVolume(grid, broken));
    await writeVolumeFile(join(folder, 'volume-2.nii.gz'), createVolume(grid, air()));
    const moved: Geometry = { ...grid, origin: [1, 0, 0] };
    const labels = createLabelmap(moved, new Uint8Array(8 * 6 * 4), liverLabels);
    await writeLabelmapFile(join(folder, 'segmentation-2.nii.gz'), labels);
    const { report } = await gatherReport(folder, false);
    expect(report.layout).toBe('lits');
    expect(codes(report.items[0]!.findings)).toContain('not-finite');
    expect(codes(report.items[1]!.findings)).toContain('label-geometry');
    expect(report.items[1]!.geometry?.size).toEqual([8, 6, 4]);
    expect(hasErrors(report)).toBe(true);
  });

  test('of a damaged file says why it was not read, and goes on', async () => {
    await writeVolumeFile(join(folder, 'good.nii'), createVolume(grid, air()));
    await writeVolumeFile(join(folder, 'cut.nrrd'), createVolume(grid, air()));
    await writeFile(join(folder, 'cut.nrrd'), 'NRRD0004\ntype: short\ndimension: 3\nsizes: 8 6 4\n');
    const { report } = await gatherReport(folder, false);
    const cut = report.items.find((item) => item.name === 'cut')!;
    expect(cut.notRead?.length).toBeGreaterThan(20);
    expect(report.items.find((item) => item.name === 'good')!.values).toBeDefined();
  });

  test('stops when it is cancelled', async () => {
    await writeVolumeFile(join(folder, 'a.nii'), createVolume(grid, air()));
    await expect(gatherReport(folder, false, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  test('text from files cannot become markup of the page', async () => {
    const evil = '<img src=x onerror=alert(1)>"&';
    const page = renderInspectPage(
      {
        schema: 'glisson.inspect/1',
        path: `/tmp/${evil}`,
        items: [
          {
            name: evil,
            kind: 'scan',
            path: evil,
            format: 'dicom',
            seriesDescription: evil,
            notRead: evil,
            findings: [{ severity: 'warning', code: 'x', message: evil, where: evil }],
          },
        ],
        skipped: [{ where: evil, reason: evil }],
        findings: [],
      },
      new Map(),
    );
    expect(page).not.toContain('<img src=x');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
  });

  test.skipIf(!hasSharedData)(
    realScan('every object of the DICOM corpus is described or skipped with a reason'),
    async () => {
      const { report } = await gatherReport(sharedPath('data', 'dicom', 'corpus'), false);
      expect(report.items.length).toBeGreaterThan(40);
      for (const item of report.items) {
        const isDescribed =
          item.geometry !== undefined || item.notRead !== undefined || item.kind === 'other';
        expect(isDescribed, item.name).toBe(true);
      }
      for (const { reason } of report.skipped) expect(reason.length).toBeGreaterThan(5);
      expect(inspectReportSchema.safeParse(report).success).toBe(true);
    },
  );
});
