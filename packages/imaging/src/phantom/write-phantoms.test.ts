import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { geometriesAgree } from '../geometry/geometry.ts';
import { readNifti } from '../nifti/read-nifti.ts';
import { createPhantom } from './create-phantom.ts';
import { type PhantomStudyOptions, writePhantoms } from './write-phantoms.ts';

const root = mkdtempSync(join(tmpdir(), 'glisson-phantoms-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const options: PhantomStudyOptions = {
  seed: 8,
  patients: 2,
  columns: 64,
  rows: 72,
  pixelMm: 5,
  sliceMm: 10,
  slices: 9,
};

function hashes(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    names.map((name) => [
      name.slice(folder.length),
      createHash('sha256').update(readFileSync(name)).digest('hex'),
    ]),
  );
}

test('writes series, truth and facts that belong together, reproducibly', async () => {
  const first = join(root, 'first');
  const study = await writePhantoms(first, options);
  expect(JSON.parse(readFileSync(join(first, 'phantoms.json'), 'utf8'))).toEqual(study);
  expect(study.schema).toBe('glisson-phantoms/1');
  expect(study.phantoms.map((p) => p.id)).toEqual(['patient-001', 'patient-002']);
  for (const [index, entry] of study.phantoms.entries()) {
    const phantom = await createPhantom({ ...options, patient: index + 1 });
    expect(readdirSync(join(first, entry.image))).toHaveLength(9);
    const truth = await readNifti(join(first, entry.label));
    expect(geometriesAgree(truth.geometry, phantom.labelmap.geometry, 1e-3)).toBe(true);
    expect([...truth.values]).toEqual([...phantom.labelmap.voxels]);
  }
  const second = join(root, 'second');
  await writePhantoms(second, options);
  expect(hashes(second)).toEqual(hashes(first));
});

test('a cancelled run leaves nothing, and nothing is overwritten without force', async () => {
  const out = join(root, 'cancelled');
  const abort = new AbortController();
  await expect(
    writePhantoms(out, options, {
      signal: abort.signal,
      onProgress: (event) => event.done > 12 && abort.abort(new Error('enough')),
    }),
  ).rejects.toThrow('enough');
  expect(existsSync(out)).toBe(false);
  await writePhantoms(out, { ...options, patients: 1, slices: 1 });
  await expect(writePhantoms(out, options)).rejects.toMatchObject({ code: 'already-exists' });
  await expect(writePhantoms(join(root, 'none'), { ...options, patients: 0 })).rejects.toMatchObject({
    code: 'value-invalid',
  });
});

test.skipIf(!hasSystemTools(['dciodvfy', 'python3-pydicom']))(
  needs(['dciodvfy', 'python3-pydicom'], 'a phantom series is valid and holds the phantom'),
  async () => {
    const out = join(root, 'valid');
    await writePhantoms(out, { ...options, patients: 1, slices: 3 });
    const series = join(out, 'patient-001', 'dicom');
    for (const name of readdirSync(series)) {
      const run = spawnSync('dciodvfy', [join(series, name)], { encoding: 'utf8' });
      expect(`${run.stdout}${run.stderr}`.split('\n').filter((line) => /error|warning/i.test(line))).toEqual(
        [],
      );
    }
    const { volume } = await createPhantom({ ...options, patient: 1, slices: 3 });
    const script = `
import sys, json, glob, pydicom
files = sorted((pydicom.dcmread(f) for f in glob.glob(sys.argv[1] + '/*')), key=lambda d: float(d.ImagePositionPatient[2]))
print(json.dumps([v for d in files for v in (d.pixel_array.astype(int) * int(d.RescaleSlope) + int(d.RescaleIntercept)).ravel().tolist()]))`;
    const run = spawnSync(debianPython, ['-c', script, series], { encoding: 'utf8', maxBuffer: 1 << 28 });
    expect(JSON.parse(run.stdout)).toEqual([...volume.voxels]);
  },
);
