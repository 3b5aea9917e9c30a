import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { type AxisMap, axisMapToLps } from '@glisson/imaging/process/reorient';
import type { Window } from '@glisson/imaging/process/window';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';

/** One picture of a slice as a radiologist sees it: the patient's right on the left, front or head on top. */
export interface SlicePicture {
  readonly view: 'axial' | 'coronal' | 'sagittal';
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly jpeg: Uint8Array;
}

/** A slice plane of a volume, rows from top to bottom of the picture. */
interface Plane {
  readonly columns: number;
  readonly rows: number;
  readonly columnMm: number;
  readonly rowMm: number;
  /** Index of the first pixel in the voxel array and the steps to the next column and row. */
  readonly start: number;
  readonly columnStep: number;
  readonly rowStep: number;
}

const longestSide = 360;
const outlineColours: Record<number, readonly [number, number, number]> = {
  1: [64, 200, 255],
  2: [255, 92, 64],
};

/**
 * A sheet of pictures: `axialCount` axial slices from head to feet, the slice with most of label 2 if there
 * are labels, and the middle coronal and sagittal slices. Oblique grids are shown on their own axes.
 */
export async function drawSliceSheet(
  volume: Volume,
  window: Window,
  labelmap?: Labelmap,
  axialCount = 12,
): Promise<SlicePicture[]> {
  const map = axisMapToLps(volume.geometry);
  const size = map.perm.map((axis) => volume.geometry.size[axis]!);
  const slices = size[2]!;
  const wanted = new Set<number>();
  const shown = Math.min(axialCount, slices);
  for (let i = 0; i < shown; i++) wanted.add(Math.floor(((i + 0.5) * slices) / shown));
  const fullest = labelmap === undefined ? undefined : sliceWithMost(labelmap, map, 2);
  if (fullest !== undefined) wanted.add(fullest);

  const pictures: SlicePicture[] = [];
  for (const k of [...wanted].sort((a, b) => b - a)) {
    const remark = k === fullest ? ', most lesion' : '';
    pictures.push(
      await drawPlane(volume, planeOf(volume.geometry, map, 'axial', k), window, labelmap, {
        view: 'axial',
        caption: `slice ${k + 1} of ${slices}${remark}`,
      }),
    );
  }
  if (slices > 1) {
    for (const [view, axis] of [
      ['coronal', 1],
      ['sagittal', 0],
    ] as const) {
      const middle = Math.floor(size[axis]! / 2);
      pictures.push(
        await drawPlane(volume, planeOf(volume.geometry, map, view, middle), window, labelmap, {
          view,
          caption: `${view}, middle`,
        }),
      );
    }
  }
  return pictures;
}

function planeOf(geometry: Geometry, map: AxisMap, view: SlicePicture['view'], index: number): Plane {
  const strides = [1, geometry.size[0], geometry.size[0] * geometry.size[1]];
  // Walking patient axis t (0 toward left, 1 toward back, 2 toward head) through the stored voxels.
  const axis = ([0, 1, 2] as const).map((t) => {
    const source = map.perm[t];
    const length = geometry.size[source];
    const step = map.flip[t] ? -strides[source]! : strides[source]!;
    return {
      length,
      mm: geometry.spacing[source],
      step,
      first: map.flip[t] ? (length - 1) * strides[source]! : 0,
    };
  });
  const [toLeft, toBack, toHead] = axis as [(typeof axis)[0], (typeof axis)[0], (typeof axis)[0]];
  const start = toLeft.first + toBack.first + toHead.first;
  const fromHead = start + (toHead.length - 1) * toHead.step;
  if (view === 'axial') {
    return {
      columns: toLeft.length,
      rows: toBack.length,
      columnMm: toLeft.mm,
      rowMm: toBack.mm,
      start: start + index * toHead.step,
      columnStep: toLeft.step,
      rowStep: toBack.step,
    };
  }
  const across = view === 'coronal' ? toLeft : toBack;
  const fixed = view === 'coronal' ? toBack : toLeft;
  return {
    columns: across.length,
    rows: toHead.length,
    columnMm: across.mm,
    rowMm: toHead.mm,
    start: fromHead + index * fixed.step,
    columnStep: across.step,
    rowStep: -toHead.step,
  };
}

async function drawPlane(
  volume: Volume,
  plane: Plane,
  window: Window,
  labelmap: Labelmap | undefined,
  about: Pick<SlicePicture, 'view' | 'caption'>,
): Promise<SlicePicture> {
  const { columns, rows } = plane;
  const grey = new Uint8Array(columns * rows);
  const scale = 255 / (window.high - window.low);
  for (let row = 0, to = 0; row < rows; row++) {
    let from = plane.start + row * plane.rowStep;
    for (let column = 0; column < columns; column++, from += plane.columnStep) {
      grey[to++] = Math.min(255, Math.max(0, (volume.voxels[from]! - window.low) * scale));
    }
  }
  const widthMm = columns * plane.columnMm;
  const heightMm = rows * plane.rowMm;
  const zoom = longestSide / Math.max(widthMm, heightMm);
  const width = Math.max(1, Math.round(widthMm * zoom));
  const height = Math.max(1, Math.round(heightMm * zoom));
  let picture = sharp(grey, { raw: { width: columns, height: rows, channels: 1 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .toColourspace('srgb');
  if (labelmap !== undefined) {
    const overlay = outlines(labelmap.voxels, plane, width, height);
    picture = sharp(await picture.png().toBuffer()).composite([
      { input: Buffer.from(overlay.buffer), raw: { width, height, channels: 4 } },
    ]);
  }
  const jpeg = await picture.jpeg({ quality: 76, chromaSubsampling: '4:4:4' }).toBuffer();
  return { ...about, width, height, jpeg };
}

/** RGBA pixels: the inner border of each label at the size of the picture, the rest transparent. */
function outlines(labels: Uint8Array, plane: Plane, width: number, height: number): Uint8Array<ArrayBuffer> {
  const at = (x: number, y: number): number => {
    if (x < 0 || y < 0 || x >= width || y >= height) return 0;
    const column = Math.min(plane.columns - 1, Math.floor(((x + 0.5) * plane.columns) / width));
    const row = Math.min(plane.rows - 1, Math.floor(((y + 0.5) * plane.rows) / height));
    return labels[plane.start + row * plane.rowStep + column * plane.columnStep]!;
  };
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = at(x, y);
      if (value === 0) continue;
      // A liver border toward a lesion is not drawn: the lesion's own border is there.
      const isBorder = [at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)].some(
        (other) => other < value,
      );
      if (!isBorder) continue;
      const [r, g, b] = outlineColours[value] ?? [255, 214, 64];
      rgba.set([r, g, b, 255], (y * width + x) * 4);
    }
  }
  return rgba;
}

/** Index along the head axis of the slice with most voxels of `value`; undefined when there is none. */
function sliceWithMost(labelmap: Labelmap, map: AxisMap, value: number): number | undefined {
  const { size } = labelmap.geometry;
  const axis = map.perm[2];
  const counts = new Float64Array(size[axis]);
  const stride = [1, size[0], size[0] * size[1]][axis]!;
  for (let i = 0; i < labelmap.voxels.length; i++) {
    if (labelmap.voxels[i] === value) counts[Math.floor(i / stride) % size[axis]]!++;
  }
  let best = 0;
  for (let k = 1; k < counts.length; k++) if (counts[k]! > counts[best]!) best = k;
  if (counts[best] === 0) return undefined;
  return map.flip[2] ? counts.length - 1 - best : best;
}
