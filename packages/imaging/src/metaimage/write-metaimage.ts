import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { writeFileWhole } from '../files/whole-files.ts';
import { assertGeometry, type Geometry } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { headed, packed, voxelPieces, type WrittenVoxels } from '../raster/voxel-pieces.ts';

/**
 * Writes a MetaImage: .mha with compressed voxels inside, or for .mhd the voxels uncompressed in a .raw file
 * of the same name (written first, so that a header never lacks its voxels). Directions as ITK writes them;
 * all digits are kept. The header of an .mha gives the size of what follows (ITK needs it), so the compressed
 * voxels are held in memory until they are complete.
 * @throws ImagingError `geometry-invalid`, `not-writable`
 */
export async function writeMetaImage(
  path: string,
  image: { readonly geometry: Geometry; readonly voxels: WrittenVoxels },
  control: TaskControl = {},
): Promise<void> {
  assertGeometry(image.geometry);
  const voxels = voxelPieces(image.voxels, control);
  const encode = (dataFile: string, compressedBytes?: number) =>
    new TextEncoder().encode(headerText(image.geometry, image.voxels, dataFile, compressedBytes));
  if (/\.mhd$/i.test(path)) {
    const rawPath = path.replace(/\.mhd$/i, '.raw');
    await writeFileWhole(rawPath, voxels);
    await writeFileWhole(path, encode(basename(rawPath)));
  } else {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of packed(voxels, 'zlib')) {
      pieces.push(piece);
      bytes += piece.length;
    }
    await writeFileWhole(path, headed(encode('LOCAL', bytes), Readable.from(pieces)));
  }
}

function headerText(
  geometry: Geometry,
  voxels: WrittenVoxels,
  dataFile: string,
  compressedBytes: number | undefined,
): string {
  const d = geometry.direction;
  const type =
    voxels instanceof Uint8Array ? 'MET_UCHAR' : voxels instanceof Int16Array ? 'MET_SHORT' : 'MET_FLOAT';
  return [
    'ObjectType = Image',
    'NDims = 3',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    ...(compressedBytes === undefined
      ? ['CompressedData = False']
      : ['CompressedData = True', `CompressedDataSize = ${compressedBytes}`]),
    `TransformMatrix = ${[d[0], d[3], d[6], d[1], d[4], d[7], d[2], d[5], d[8]].join(' ')}`,
    `Offset = ${geometry.origin.join(' ')}`,
    'CenterOfRotation = 0 0 0',
    `ElementSpacing = ${geometry.spacing.join(' ')}`,
    `DimSize = ${geometry.size.join(' ')}`,
    `ElementType = ${type}`,
    `ElementDataFile = ${dataFile}`,
    '',
  ].join('\n');
}
