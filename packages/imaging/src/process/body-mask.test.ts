import { describe, expect, test } from 'vitest';
import type { Geometry } from '../geometry/geometry.ts';
import { createVolume } from '../volume/volume.ts';
import { bodyMask } from './body-mask.ts';
import { reorientVolume, reorientVoxels } from './reorient.ts';

/** An elliptic body with two lungs in the upper half, lying on a hollow table, in mm about the centre. */
function scene() {
  const geometry: Geometry = {
    size: [160, 140, 12],
    spacing: [2.5, 2.5, 8],
    origin: [-199, -174, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };
  const voxels = new Int16Array(160 * 140 * 12);
  const kind = new Uint8Array(voxels.length);
  let at = 0;
  for (let k = 0; k < 12; k++)
    for (let j = 0; j < 140; j++)
      for (let i = 0; i < 160; i++, at++) {
        const x = i * 2.5 - 199;
        const y = j * 2.5 - 174;
        const inBody = (x / 160) ** 2 + (y / 105) ** 2 < 1;
        const inLung = k >= 6 && ((Math.abs(x) - 75) / 55) ** 2 + (y / 70) ** 2 < 1;
        // A shell of 5 mm around foam, touching the back.
        const inTable = Math.abs(x) < 190 && y > 104 && y < 150;
        const inFoam = Math.abs(x) < 185 && y > 109 && y < 145;
        kind[at] = inBody ? 1 : inTable ? 2 : 0;
        voxels[at] = inLung ? -850 : inBody ? 40 : inTable && !inFoam ? 200 : inTable ? -950 : -1000;
      }
  return { volume: createVolume(geometry, voxels), kind };
}

describe('bodyMask', () => {
  const { volume, kind } = scene();

  function check(mask: Uint8Array, truth: Uint8Array) {
    let both = 0;
    let either = 0;
    let table = 0;
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === 1 && truth[i] === 1) both++;
      if (mask[i] === 1 || truth[i] === 1) either++;
      if (mask[i] === 1 && truth[i] === 2) table++;
    }
    expect(both / either).toBeGreaterThan(0.96);
    expect(table / truth.filter((v) => v === 2).length).toBeLessThan(0.08);
  }

  test('lungs are in it, the table is not', () => {
    check(bodyMask(volume), kind);
  });

  test('a coronal stack gives the same body: holes are filled in axial slices', () => {
    const map = { perm: [0, 2, 1], flip: [false, true, false] } as const;
    check(bodyMask(reorientVolume(volume, map)), reorientVoxels(kind, volume.geometry.size, map));
  });

  test('air alone, a constant, and one slice', () => {
    const air = createVolume(volume.geometry, new Int16Array(kind.length).fill(-1000));
    expect(bodyMask(air).every((v) => v === 0)).toBe(true);
    const water = createVolume(volume.geometry, new Int16Array(kind.length));
    expect(bodyMask(water).every((v) => v === 1)).toBe(true);
    const slice = createVolume(
      { ...volume.geometry, size: [160, 140, 1] },
      volume.voxels.slice(0, 160 * 140),
    );
    check(bodyMask(slice), kind.subarray(0, 160 * 140));
  });
});
