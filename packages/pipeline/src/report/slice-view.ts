import { axisVector, type Geometry } from '@glisson/imaging/geometry/geometry';
import { axisMapToLps } from '@glisson/imaging/process/reorient';
import type { PixelPoint } from '../measure/feret.ts';
import { numberingAxis } from '../measure/slice-number.ts';

/** How slices are turned for a radiologist's eye: patient right on the left, front or head on top. */
export interface SliceView {
  readonly plane: 'axial' | 'coronal' | 'sagittal';
  /** Patient axis along which slices are numbered, as words: from, to. */
  readonly numbering: readonly [string, string];
  readonly width: number;
  readonly height: number;
  /** Displayed pixel [x, y] in mm. */
  readonly pixelMm: readonly [number, number];
  /** Sides of the patient at the rim of the picture. */
  readonly sides: {
    readonly left: string;
    readonly right: string;
    readonly top: string;
    readonly bottom: string;
  };
  /** Copies a source slice (x fastest, as stored) into the displayed order. */
  turn<T extends Uint8Array | Int16Array | Float32Array>(slice: T): T;
  /** A point of the source slice in pixels of the displayed one; pixel centres are whole numbers in both. */
  toView(point: PixelPoint): PixelPoint;
}

const planes = ['sagittal', 'coronal', 'axial'] as const;
const towards = [
  ['R', 'L'],
  ['A', 'P'],
  ['F', 'H'],
] as const;
const numberings = [
  ['right', 'left'],
  ['front', 'back'],
  ['feet', 'head'],
] as const;

/**
 * The radiological view of slices along the grid's third axis: axial slices as seen from the feet, coronal ones
 * from the front, sagittal ones from the left with the front on the left side. Pixels are only reordered.
 */
export function createSliceView(geometry: Geometry): SliceView {
  const map = axisMapToLps(geometry);
  const normal = map.perm.indexOf(2);
  // Patient axes across and down the picture, and whether the picture runs against them.
  const across = normal === 0 ? 1 : 0;
  const down = normal === 2 ? 1 : 2;
  const acrossAxis = map.perm[across] as 0 | 1;
  const downAxis = map.perm[down] as 0 | 1;
  const flipAcross = map.flip[across]!;
  const flipDown = map.flip[down] !== (down === 2);
  const width = geometry.size[acrossAxis];
  const height = geometry.size[downAxis];
  const sourceWidth = geometry.size[0];
  const strideOf = (axis: 0 | 1) => (axis === 0 ? 1 : sourceWidth);
  const stepX = strideOf(acrossAxis) * (flipAcross ? -1 : 1);
  const stepY = strideOf(downAxis) * (flipDown ? -1 : 1);
  const start =
    (flipAcross ? (width - 1) * strideOf(acrossAxis) : 0) +
    (flipDown ? (height - 1) * strideOf(downAxis) : 0);
  const [left, right] = towards[across]!;
  const [low, high] = towards[down]!;
  return {
    plane: planes[normal]!,
    numbering: numberings[numberingAxis(geometry)],
    width,
    height,
    pixelMm: [geometry.spacing[acrossAxis], geometry.spacing[downAxis]],
    sides: { left, right, top: down === 2 ? high : low, bottom: down === 2 ? low : high },
    turn(slice) {
      const out = slice.slice() as typeof slice;
      for (let y = 0, to = 0; y < height; y++) {
        for (let x = 0, from = start + y * stepY; x < width; x++, from += stepX) out[to++] = slice[from]!;
      }
      return out;
    },
    toView(point) {
      const x = point[acrossAxis];
      const y = point[downAxis];
      return [flipAcross ? width - 1 - x : x, flipDown ? height - 1 - y : y];
    },
  };
}

/** Position of slice k along the slice normal's nearest patient axis, in mm (LPS). */
export function slicePositionMm(geometry: Geometry, k: number): number {
  const axis = numberingAxis(geometry);
  return geometry.origin[axis] + axisVector(geometry, 2)[axis] * geometry.spacing[2] * k;
}
