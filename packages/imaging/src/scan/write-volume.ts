import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry } from '../geometry/geometry.ts';
import { writeMetaImage } from '../metaimage/write-metaimage.ts';
import { writeNifti } from '../nifti/write-nifti.ts';
import { writeNrrd } from '../nrrd/write-nrrd.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { WrittenVoxels } from '../raster/voxel-pieces.ts';
import type { Labelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';

/**
 * Writes a volume in the format that the name's extension asks for: .nii, .nii.gz, .nrrd, .mha or .mhd.
 * An existing file is replaced; the file appears whole or not at all.
 * @throws ImagingError `unsupported` for another extension, `not-writable`
 */
export function writeVolumeFile(path: string, volume: Volume, control: TaskControl = {}): Promise<void> {
  return writeByExtension(path, volume, control);
}

/** Like `writeVolumeFile`, with 8-bit label values. The label table is not stored. */
export function writeLabelmapFile(
  path: string,
  labelmap: Labelmap,
  control: TaskControl = {},
): Promise<void> {
  return writeByExtension(path, labelmap, control);
}

/** Names that `writeVolumeFile` can write. */
export const writableVolumeName = /\.(nii|nii\.gz|nrrd|mha|mhd)$/i;

async function writeByExtension(
  path: string,
  image: { readonly geometry: Geometry; readonly voxels: WrittenVoxels },
  control: TaskControl,
): Promise<void> {
  if (/\.nii(\.gz)?$/i.test(path)) return writeNifti(path, image, control);
  if (/\.nrrd$/i.test(path)) return writeNrrd(path, image, control);
  if (/\.mh[ad]$/i.test(path)) return writeMetaImage(path, image, control);
  throw new ImagingError('unsupported', 'The file name does not say in which format to write.', {
    where: path,
    expected: 'a name that ends in .nii.gz, .nii, .nrrd, .mha or .mhd',
  });
}
