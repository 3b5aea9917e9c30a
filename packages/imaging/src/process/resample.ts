import { ImagingError } from '../errors/imaging-error.ts';
import { assertGeometry, type Geometry, indexToWorld, type Vec3, voxelCount } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { createLabelmap, type Labelmap } from '../volume/labelmap.ts';
import { createVolume, type Volume, type VolumeVoxels } from '../volume/volume.ts';
import { type AxisRows, interpolationRows, prefilterRows } from './axis-rows.ts';
import { type AlignedAxis, type Axis, alignedAxes, type IndexMap, indexMapBetween } from './index-map.ts';
import { isIdentityAxisMap, reorientVoxels } from './reorient.ts';
import { sampleNearest } from './resample-nearest.ts';
import { sampleOblique } from './resample-oblique.ts';
import { filterSeparably } from './separable.ts';
import { emptyLike } from './voxel-array.ts';

export interface ResampleOptions {
  /**
   * `nearest`, `linear` (the default) or `cubic`: the interpolating cubic B-spline, mirrored at the border,
   * as scipy.ndimage of order 3 with mode='mirror'.
   */
  readonly method?: 'nearest' | 'linear' | 'cubic';
  /** Smooth before shrinking (default true; `nearest` never does). */
  readonly antialias?: boolean;
  /** Value beyond the source, default -1024 (air in HU). A whole number for Int16 voxels. */
  readonly outside?: number;
}

/**
 * Resamples a volume onto any grid: rotated, flipped, anisotropic, partly or wholly outside.
 *
 * - A target point within half a voxel outside the outermost voxel centres takes the value at the border;
 *   farther out it is `outside`.
 * - Anti-aliasing smooths along each source axis with a Gaussian of variance (f^2 - 1) / (8 ln 2) source
 *   voxels, f being the target's voxel width along that axis in source voxels (f^2 is the squared length of the
 *   row of the index map); nothing where f <= 1. The point-spread functions of both grids are thus taken as
 *   Gaussians as wide as a voxel at half height (Cardoso et al., Scale factor point spread function
 *   matching, MICCAI 2015). It reaches 4 sd; at the border its weights are those on the grid, scaled up to 1.
 * - Int16 stays Int16, rounded to nearest (halves up) and held in range; Float32 stays Float32.
 * - A NaN spreads to the target voxels that have a share of it. `cubic` refuses NaN and infinities, as each
 *   value has a share in all of a line.
 * - The same grid gives the same voxels, exactly. Always copies.
 *
 * Grids with parallel axes take a separable path that holds a few slices besides source and target; others
 * are interpolated point by point, which for `cubic` or anti-aliasing needs a Float32 copy of the source.
 *
 * @throws ImagingError `geometry-invalid`, `value-invalid`
 */
export function resampleVolume(
  volume: Volume,
  target: Geometry,
  options: ResampleOptions = {},
  control: TaskControl = {},
): Volume {
  const { method = 'linear', antialias = true, outside = -1024 } = options;
  const { geometry, voxels } = volume;
  assertGeometry(geometry, 'volume to resample');
  assertGeometry(target, 'grid to resample onto');
  assertOutside(outside, voxels);
  const map = indexMapBetween(target, geometry);
  const output = emptyLike(voxels, voxelCount(target));
  if (method === 'nearest') {
    sampleNearest(voxels, geometry.size, map, target.size, outside, output, control);
    return createVolume(target, output);
  }
  if (method === 'cubic') assertFinite(voxels);
  const sigmas = antialias ? antialiasSigmas(map) : noSmoothing;
  const axes = alignedAxes(map, target.size);
  if (axes === undefined) {
    const prepared = prefilter(voxels, geometry.size, method, sigmas, control);
    const plane = target.size[0] * target.size[1];
    const write = (k: number, values: Float32Array) => storeRounded(values, output, k * plane);
    sampleOblique(prepared, geometry.size, map, target.size, method, outside, write, control);
    return createVolume(target, output);
  }
  return createVolume(
    target,
    resampleAligned(voxels, geometry.size, axes, target, { method, sigmas, outside }, output, control),
  );
}

/**
 * Resamples labels by nearest neighbour; 0 outside the source. Always copies.
 * A target point on the face between two voxels takes the one of the higher index.
 */
export function resampleLabelmap(labelmap: Labelmap, target: Geometry): Labelmap {
  assertGeometry(labelmap.geometry, 'labelmap to resample');
  assertGeometry(target, 'grid to resample onto');
  const map = indexMapBetween(target, labelmap.geometry);
  const output = emptyLike(labelmap.voxels, voxelCount(target));
  sampleNearest(labelmap.voxels, labelmap.geometry.size, map, target.size, 0, output);
  return createLabelmap(target, output, labelmap.labels);
}

/**
 * The grid of `spacing` over the same field of view, directions kept. The field of view is measured between
 * voxel edges; sizes are rounded to the nearest number of voxels (halves up, at least one), and the centre stays
 * where it is, so that each end moves by less than half a new voxel, or by what one voxel takes.
 * An axis whose spacing does not change keeps its size and origin exactly.
 * @throws ImagingError `geometry-invalid`
 */
export function withSpacing(geometry: Geometry, spacing: Vec3): Geometry {
  assertGeometry(geometry, 'grid to give another spacing');
  // A spacing of 0 would otherwise be reported as the endless grid that follows from it.
  assertGeometry({ ...geometry, spacing }, 'wanted spacing');
  const size = geometry.size.map((n, axis) =>
    Math.max(1, Math.floor((n * geometry.spacing[axis]!) / spacing[axis]! + 0.5 + 1e-9)),
  ) as unknown as Vec3;
  const first = size.map((n, axis) => {
    const half = (geometry.size[axis]! - 1) / 2;
    return half - (((n - 1) / 2) * spacing[axis]!) / geometry.spacing[axis]!;
  }) as unknown as Vec3;
  const moved = first.some((index) => Math.abs(index) > 1e-9);
  return {
    size,
    spacing: [spacing[0], spacing[1], spacing[2]],
    origin: moved ? indexToWorld(geometry, first) : geometry.origin,
    direction: geometry.direction,
  };
}

const noSmoothing: Vec3 = [0, 0, 0];

/** Gaussian sd along each source axis in source voxels; see `resampleVolume`. */
function antialiasSigmas({ matrix: m }: IndexMap): Vec3 {
  const sigma = (row: Axis) => {
    const squared = m[3 * row]! ** 2 + m[3 * row + 1]! ** 2 + m[3 * row + 2]! ** 2;
    return Math.sqrt(Math.max(0, squared - 1) / (8 * Math.LN2));
  };
  return [sigma(0), sigma(1), sigma(2)];
}

function resampleAligned(
  voxels: VolumeVoxels,
  size: Vec3,
  axes: readonly [AlignedAxis, AlignedAxis, AlignedAxis],
  target: Geometry,
  how: { method: 'linear' | 'cubic'; sigmas: Vec3; outside: number },
  output: VolumeVoxels,
  control: TaskControl,
): VolumeVoxels {
  // Filtered in the source's own order of axes, which is then permuted without loss.
  const rows: AxisRows[] = [];
  for (let t = 0; t < 3; t++) {
    const { axis, scale, offset } = axes[t]!;
    const line = { length: target.size[t]!, scale, offset };
    rows[axis] = interpolationRows(size[axis]!, line, how.method, how.sigmas[axis]!);
  }
  const [x, y, z] = rows as [AxisRows, AxisRows, AxisRows];
  const plane = x.length * y.length;
  filterSeparably(
    size,
    [x, y, z],
    (k, into) => into.set(voxels.subarray(k * into.length, (k + 1) * into.length)),
    (k, slice) => storeRounded(slice, output, k * plane),
    how.outside,
    control,
  );
  const order = {
    perm: [axes[0].axis, axes[1].axis, axes[2].axis] as const,
    flip: [false, false, false] as const,
  };
  if (isIdentityAxisMap(order)) return output;
  return reorientVoxels(output, [x.length, y.length, z.length], order);
}

function prefilter(
  voxels: VolumeVoxels,
  size: Vec3,
  method: 'linear' | 'cubic',
  sigmas: Vec3,
  control: TaskControl,
): VolumeVoxels {
  const rows = [0, 1, 2].map((axis) => prefilterRows(size[axis]!, method, sigmas[axis]!));
  if (rows.every((r) => r === undefined)) return voxels;
  const filtered = new Float32Array(voxels.length);
  const plane = size[0] * size[1];
  filterSeparably(
    size,
    [rows[0], rows[1], rows[2]],
    (k, into) => into.set(voxels.subarray(k * plane, (k + 1) * plane)),
    (k, slice) => filtered.set(slice, k * plane),
    0,
    { signal: control.signal },
  );
  return filtered;
}

function storeRounded(values: Float32Array, output: VolumeVoxels, at: number): void {
  if (output instanceof Float32Array) {
    output.set(values, at);
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const value = Math.floor(values[i]! + 0.5);
    output[at + i] = Math.max(-32768, Math.min(32767, value));
  }
}

function assertOutside(outside: number, voxels: VolumeVoxels): void {
  const fits = Number.isInteger(outside) && outside >= -32768 && outside <= 32767;
  if (voxels instanceof Float32Array || fits) return;
  throw new ImagingError('value-invalid', 'The value outside the source cannot be stored.', {
    where: 'outside',
    found: String(outside),
    expected: 'a whole number from -32768 to 32767, as the voxels are Int16',
  });
}

function assertFinite(voxels: VolumeVoxels): void {
  if (voxels instanceof Int16Array) return;
  const at = voxels.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new ImagingError('value-invalid', 'A cubic spline needs finite voxels.', {
    where: `voxel ${at}`,
    found: String(voxels[at]),
    expected: 'finite numbers',
    advice: 'Replace such voxels first, or resample linearly.',
  });
}
