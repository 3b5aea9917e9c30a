import { ImagingError } from '../errors/imaging-error.ts';
import { writeFileWhole } from '../files/whole-files.ts';
import { assertGeometry, determinant, type Geometry, type Mat3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { headed, packed, voxelPieces, type WrittenVoxels } from '../raster/voxel-pieces.ts';
import { matrixQuaternion } from './nifti-geometry.ts';
import { niftiTypeCodes } from './nifti-header.ts';

const voxelOffset = 352;

/**
 * Writes voxels as NIfTI-1, gzipped when the name ends in .gz. sform and qform are both set (code 1,
 * scanner) and agree; a left-handed grid has qfac -1. The same input gives the same bytes.
 *
 * The header holds spacing, origin and directions as 32-bit floats, so a re-read geometry differs from
 * the written one by up to one part in 10^7: far below the tolerance of `geometriesAgree`.
 * @throws ImagingError `geometry-invalid`, `value-invalid` (an axis longer than 32767), `not-writable`
 */
export async function writeNifti(
  path: string,
  image: { readonly geometry: Geometry; readonly voxels: WrittenVoxels },
  control: TaskControl = {},
): Promise<void> {
  const pieces = headed(
    niftiBytesBeforeVoxels(image.geometry, image.voxels),
    voxelPieces(image.voxels, control),
  );
  await writeFileWhole(path, /\.gz$/i.test(path) ? packed(pieces, 'gzip') : pieces);
}

/** Header and empty extension flag: 352 bytes, little-endian. */
export function niftiBytesBeforeVoxels(geometry: Geometry, voxels: WrittenVoxels): Uint8Array {
  assertGeometry(geometry);
  const bytes = new Uint8Array(voxelOffset);
  const view = new DataView(bytes.buffer);
  const i16 = (at: number, value: number) => view.setInt16(at, value, true);
  const f32 = (at: number, value: number) => view.setFloat32(at, value, true);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);

  const { size, spacing: s, origin: o, direction: d } = geometry;
  assertFits(size);
  const type = voxels instanceof Uint8Array ? 'uint8' : voxels instanceof Int16Array ? 'int16' : 'float32';
  view.setInt32(0, 348, true);
  for (const [i, n] of [3, ...size, 1, 1, 1, 1].entries()) i16(40 + 2 * i, n);
  i16(70, niftiTypeCodes[type]);
  i16(72, voxels.BYTES_PER_ELEMENT * 8);

  // LPS to RAS: rows x and y change sign.
  const ras = d.map((v, i) => (i < 6 ? 0 - v : v)) as unknown as Mat3;
  const qfac = determinant(ras) < 0 ? -1 : 1;
  for (const [i, v] of [qfac, ...s, 1, 1, 1, 1].entries()) f32(76 + 4 * i, v);
  f32(108, voxelOffset);
  f32(112, 1);
  view.setUint8(123, 2); // mm
  text(148, 'Glisson');
  i16(252, 1);
  i16(254, 1);
  const proper = ras.map((v, i) => (i % 3 === 2 ? v * qfac : v)) as unknown as Mat3;
  for (const [i, v] of float32Quaternion(matrixQuaternion(proper)).entries()) f32(256 + 4 * i, v);
  const position = [0 - o[0], 0 - o[1], o[2]];
  for (const [i, v] of position.entries()) f32(268 + 4 * i, v);
  for (let row = 0; row < 3; row++) {
    for (let axis = 0; axis < 3; axis++) f32(280 + 16 * row + 4 * axis, ras[3 * row + axis]! * s[axis]!);
    f32(280 + 16 * row + 12, position[row]!);
  }
  text(344, 'n+1\0');
  return bytes;
}

function assertFits(size: Geometry['size']): void {
  if (size.every((n) => n <= 32767)) return;
  throw new ImagingError('value-invalid', 'The image is too long for NIfTI-1.', {
    found: size.join(' x '),
    expected: 'at most 32767 voxels along each axis',
    advice: 'Write it as .nrrd or .mha.',
  });
}

/**
 * Readers find a = sqrt(1 - b^2 - c^2 - d^2). For a half turn (a = 0) rounding to 32 bits can leave 1e-7 under the
 * root, which tilts the axes by 0.03 degrees; one last digit more on the largest part makes them take a = 0.
 */
function float32Quaternion(exact: readonly [number, number, number]): [number, number, number] {
  const rounded = Float32Array.from(exact);
  const rest = (v: ArrayLike<number>) => 1 - v[0]! ** 2 - v[1]! ** 2 - v[2]! ** 2;
  if (rest(exact) < 1e-9 && rest(rounded) > 0) {
    const sizes = exact.map(Math.abs);
    const largest = sizes.indexOf(Math.max(...sizes));
    // Neighbouring floats of one sign have neighbouring bit patterns.
    new Uint32Array(rounded.buffer)[largest]! += 1;
  }
  return [rounded[0]!, rounded[1]!, rounded[2]!];
}
