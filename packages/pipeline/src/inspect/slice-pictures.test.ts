import type { Geometry, Mat3, Vec3 } from '@glisson/imaging/geometry/geometry';
import { indexToWorld } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { drawSliceSheet } from './slice-pictures.ts';

/** A bright ball at (40, -30, 20) mm LPS: left, front and head side of the middle, on a 160 mm cube. */
const ballAt = [40, -30, 20] as const;

function phantom(direction: Mat3, size: readonly [number, number, number], ball: Vec3 = ballAt) {
  const spacing = size.map((n) => 160 / n) as [number, number, number];
  const centred: Geometry = { size: [...size], spacing, origin: [0, 0, 0], direction };
  const middle = indexToWorld(centred, [(size[0] - 1) / 2, (size[1] - 1) / 2, (size[2] - 1) / 2]);
  const geometry: Geometry = { ...centred, origin: [-middle[0], -middle[1], -middle[2]] };
  const voxels = new Int16Array(size[0] * size[1] * size[2]).fill(-1000);
  const labels = new Uint8Array(voxels.length);
  for (let k = 0, i = 0; k < size[2]; k++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        const p = indexToWorld(geometry, [x, y, k]);
        if (Math.hypot(p[0] - ball[0], p[1] - ball[1], p[2] - ball[2]) < 22) {
          voxels[i] = 400;
          labels[i] = 2;
        }
      }
    }
  }
  return { volume: createVolume(geometry, voxels), labelmap: createLabelmap(geometry, labels, liverLabels) };
}

/** Centre of the bright pixels as shares of width and height. */
async function brightSpot(jpeg: Uint8Array): Promise<{ x: number; y: number } | undefined> {
  const { data, info } = await sharp(jpeg).greyscale().raw().toBuffer({ resolveWithObject: true });
  let [count, x, y] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < 160) continue;
    count++;
    x += i % info.width;
    y += Math.floor(i / info.width);
  }
  return count === 0 ? undefined : { x: x / count / info.width, y: y / count / info.height };
}

describe.each([
  ['axial, as stored by a scanner', [1, 0, 0, 0, 1, 0, 0, 0, 1], [64, 64, 32]],
  ['axial from head to feet, x and y flipped', [-1, 0, 0, 0, -1, 0, 0, 0, -1], [48, 64, 20]],
  ['coronal', [1, 0, 0, 0, 0, 1, 0, -1, 0], [64, 32, 40]],
  ['sagittal, mirrored', [0, 0, 1, 1, 0, 0, 0, 1, 0], [40, 64, 32]],
] as const)('slices of a grid that is %s', (_, direction, size) => {
  test('show left on the right, front and head on top', async () => {
    const { volume, labelmap } = phantom(direction, size);
    const sheet = await drawSliceSheet(volume, { low: -160, high: 240 }, labelmap, 6);
    expect(sheet.at(-2)).toMatchObject({ view: 'coronal', caption: 'coronal, middle' });
    expect(sheet.at(-1)).toMatchObject({ view: 'sagittal', caption: 'sagittal, middle' });
    const fullest = sheet.find((picture) => picture.caption.endsWith('most lesion'))!;
    const spot = (await brightSpot(fullest.jpeg))!;
    expect(spot.x).toBeCloseTo((80 + ballAt[0]) / 160, 1);
    expect(spot.y).toBeCloseTo((80 + ballAt[1]) / 160, 1);

    const axial = sheet.filter((picture) => picture.view === 'axial');
    const number = (caption: string) => Number(/slice (\d+) of/.exec(caption)![1]);
    const numbers = axial.map((picture) => number(picture.caption));
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    // The ball lies toward the head: the slice with most of it is above the middle.
    const slices = Number(/of (\d+)/.exec(fullest.caption)![1]);
    expect(number(fullest.caption) / slices).toBeCloseTo((80 + ballAt[2]) / 160, 1);
  });

  test('show head on top in the coronal and sagittal views, front on the left in the latter', async () => {
    const window = { low: -160, high: 240 };
    const coronal = phantom(direction, size, [40, 0, 20]);
    const inCoronal = (await brightSpot((await drawSliceSheet(coronal.volume, window)).at(-2)!.jpeg))!;
    expect(inCoronal.x).toBeCloseTo((80 + 40) / 160, 1);
    expect(inCoronal.y).toBeCloseTo((80 - 20) / 160, 1);

    const sagittal = phantom(direction, size, [0, -30, 20]);
    const inSagittal = (await brightSpot((await drawSliceSheet(sagittal.volume, window)).at(-1)!.jpeg))!;
    expect(inSagittal.x).toBeCloseTo((80 - 30) / 160, 1);
    expect(inSagittal.y).toBeCloseTo((80 - 20) / 160, 1);
  });
});
