import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { listDicom } from './list-series.ts';
import { readDicomScan } from './read-dicom-scan.ts';

const countFiles = (path: string): number =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + countFiles(join(path, name)), 0)
    : 1;

test.skipIf(!hasSharedData || !hasSystemTools(['python3-pydicom']))(
  realScan(needs(['python3-pydicom'], 'patient 1 from its zip is voxel for voxel what pydicom stacks')),
  async () => {
    const path = sharedPath('data', 'dicom', '3Dircadb1-patient01.zip');
    const script = `
import sys, io, json, zipfile, hashlib, numpy, pydicom
archive = zipfile.ZipFile(sys.argv[1])
slices = [pydicom.dcmread(io.BytesIO(archive.read(i))) for i in archive.infolist() if not i.is_dir()]
slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
h = hashlib.sha1()
for ds in slices:
    h.update((ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)).astype('<i2').tobytes())
first, last = slices[0], slices[-1]
print(json.dumps({'hash': h.hexdigest(), 'count': len(slices), 'uids': [first.SOPInstanceUID, last.SOPInstanceUID],
  'spacing': [float(first.PixelSpacing[1]), float(first.PixelSpacing[0]),
    (float(last.ImagePositionPatient[2]) - float(first.ImagePositionPatient[2])) / (len(slices) - 1)],
  'origin': [float(v) for v in first.ImagePositionPatient]}))
`;
    const { stdout, stderr } = spawnSync(debianPython, ['-c', script, path], { encoding: 'utf8' });
    expect(stdout, stderr).not.toBe('');
    const peer = JSON.parse(stdout);
    const scan = await readDicomScan(path);
    const { geometry, voxels } = scan.volume;
    expect(geometry.size).toEqual([512, 512, peer.count]);
    for (let i = 0; i < 3; i++) expect(geometry.spacing[i]).toBeCloseTo(peer.spacing[i], 6);
    expect(geometry.origin).toEqual(peer.origin);
    expect(createHash('sha1').update(new Uint8Array(voxels.buffer)).digest('hex')).toBe(peer.hash);
    expect([scan.slices[0]!.sopInstanceUid, scan.slices.at(-1)!.sopInstanceUid]).toEqual(peer.uids);
    expect([scan.isHounsfield, scan.findings]).toEqual([true, []]);
  },
  60_000,
);

test.skipIf(!hasSharedData)(
  realScan('a CT series beside its structure set is read without being told which'),
  async () => {
    const path = sharedPath('data', 'dicom', 'STS_002');
    const scan = await readDicomScan(path);
    expect(scan.volume.geometry.size).toEqual([161, 143, 48]);
    expect((await listDicom(path)).others).toMatchObject([{ kind: 'RT structure set' }]);
  },
);

test.skipIf(!hasSharedData)(
  realScan(
    'every file of the corpus is in the listing once: as a slice, another object, or unread with a reason',
  ),
  async () => {
    const path = sharedPath('data', 'dicom', 'corpus');
    const listing = await listDicom(path);
    const inSeries = listing.series.reduce((sum, series) => sum + series.files, 0);
    expect(inSeries + listing.others.length + listing.unread.length).toBe(countFiles(path));
    for (const { file, reason } of listing.unread) expect(reason, file).not.toBe('');
    for (const series of listing.series) {
      for (const stack of series.stacks)
        expect(stack.geometry ?? stack.refusal, stack.selector).toBeDefined();
    }
    // Each folder by itself: a scan, or a typed reason.
    const folders = new Set<string>([path]);
    const walk = (folder: string): void => {
      for (const name of readdirSync(folder)) {
        const child = join(folder, name);
        if (!statSync(child).isDirectory()) continue;
        folders.add(child);
        walk(child);
      }
    };
    walk(path);
    for (const folder of folders) {
      const error = await readDicomScan(folder).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      if (error !== undefined) expect(error.name, folder).toBe('ImagingError');
    }
  },
  60_000,
);
