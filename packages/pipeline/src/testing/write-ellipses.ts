import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { writeLabelmapFile, writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';

/** Ellipses: body 0 HU, liver 100 HU, lesion 40 HU, with noise, in air. */
export async function writeEllipses(folder: string, n: number): Promise<void> {
  const random = createRandom('ellipses', n);
  const size = [40, 36, 6] as const;
  const voxels = new Int16Array(40 * 36 * 6).fill(-1000);
  const labels = new Uint8Array(voxels.length);
  const [lx, ly] = [13 + random.integer(5), 15 + random.integer(5)];
  for (let k = 0; k < 6; k++) {
    for (let y = 0; y < 36; y++) {
      for (let x = 0; x < 40; x++) {
        const i = (k * 36 + y) * 40 + x;
        const inside = (cx: number, cy: number, rx: number, ry: number) =>
          ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
        if (!inside(19.5, 17.5, 18, 16)) continue;
        const isLiver = inside(lx, ly, 9, 8);
        const isLesion = isLiver && inside(lx + 2, ly - 1, 3.4, 3) && k >= 1;
        labels[i] = isLesion ? 2 : isLiver ? 1 : 0;
        voxels[i] = Math.round((isLesion ? 40 : isLiver ? 110 : -20) + 8 * random.normal());
      }
    }
  }
  const geometry = { size, spacing: [5, 5, 4], origin: [0, 0, 0], direction: identityDirection } as const;
  await writeVolumeFile(join(folder, `volume-${n}.nii.gz`), createVolume(geometry, voxels));
  await writeLabelmapFile(
    join(folder, `segmentation-${n}.nii.gz`),
    createLabelmap(geometry, labels, liverLabels),
  );
}
