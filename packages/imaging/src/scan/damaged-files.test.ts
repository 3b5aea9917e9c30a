import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry } from '../geometry/geometry.ts';
import { assertGeometry } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { toVolume } from '../raster/stored-image.ts';
import { readStoredImage } from './read-stored-image.ts';
import { writeVolumeFile } from './write-volume.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-damaged-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const geometry: Geometry = {
  size: [5, 4, 3],
  spacing: [0.7, 0.8, 2.5],
  origin: [1, 2, 3],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

/** Where damage is interesting: the header, not the voxels. */
const formats = [
  { format: 'nifti', name: 'x.nii', header: 352, pack: false },
  { format: 'nifti', name: 'y.nii', header: 352, pack: true },
  { format: 'nrrd', name: 'x.nrrd', header: 300, pack: false },
  { format: 'metaimage', name: 'x.mha', header: 330, pack: false },
] as const;

test.each(formats)(
  '$format with random damage ($name, packed $pack) is read or refused with a typed error',
  async ({ format, name, header, pack }) => {
    const path = join(folder, name);
    await writeVolumeFile(path, { geometry, voxels: Int16Array.from({ length: 60 }, (_, i) => i) });
    const whole = await readFile(path);
    const random = createRandom(11, format, name);
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 250; round++) {
      const bytes = Buffer.from(whole);
      const changes = 1 + random.integer(3);
      for (let i = 0; i < changes; i++)
        bytes[random.integer(Math.min(header, bytes.length))] = random.integer(256);
      const cut = random.uniform() < 0.2 ? bytes.subarray(0, random.integer(bytes.length)) : bytes;
      await writeFile(path, pack ? gzipSync(cut, { level: 1 }) : cut);
      try {
        const { volume } = toVolume(await readStoredImage(path, format));
        // What is let through must be usable.
        assertGeometry(volume.geometry);
        expect(volume.voxels.length).toBe(volume.geometry.size.reduce((a, b) => a * b));
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof ImagingError)) throw new Error(`round ${round}: ${(error as Error).stack}`);
        expect(error.message).toContain(folder);
        outcomes.refused++;
      }
    }
    // Both must happen, or the damage was none or total.
    expect(outcomes.read).toBeGreaterThan(10);
    expect(outcomes.refused).toBeGreaterThan(10);
  },
);
