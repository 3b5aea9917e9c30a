import { writeFileWhole } from '../files/whole-files.ts';
import { assertGeometry, type Geometry } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { headed, packed, voxelPieces, type WrittenVoxels } from '../raster/voxel-pieces.ts';

/**
 * Writes an attached, gzip-encoded NRRD in the space left-posterior-superior. Numbers are written with all
 * their digits, so origin and directions are re-read exactly, and spacing to one part in 10^15.
 * @throws ImagingError `geometry-invalid`, `not-writable`
 */
export async function writeNrrd(
  path: string,
  image: { readonly geometry: Geometry; readonly voxels: WrittenVoxels },
  control: TaskControl = {},
): Promise<void> {
  const { geometry, voxels } = image;
  assertGeometry(geometry);
  const { spacing: s, direction: d } = geometry;
  const type = voxels instanceof Uint8Array ? 'uint8' : voxels instanceof Int16Array ? 'int16' : 'float';
  const steps = [0, 1, 2].map(
    (axis) => `(${[0, 1, 2].map((row) => d[3 * row + axis]! * s[axis]!).join(',')})`,
  );
  const header = [
    'NRRD0004',
    `type: ${type}`,
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${geometry.size.join(' ')}`,
    `space directions: ${steps.join(' ')}`,
    'kinds: domain domain domain',
    ...(voxels.BYTES_PER_ELEMENT > 1 ? ['endian: little'] : []),
    'encoding: gzip',
    `space origin: (${geometry.origin.join(',')})`,
    '',
    '',
  ].join('\n');
  const body = packed(voxelPieces(voxels, control), 'gzip');
  await writeFileWhole(path, headed(new TextEncoder().encode(header), body));
}
