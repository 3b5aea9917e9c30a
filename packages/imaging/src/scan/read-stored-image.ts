import { ImagingError } from '../errors/imaging-error.ts';
import { readMetaImage } from '../metaimage/read-metaimage.ts';
import { readNifti } from '../nifti/read-nifti.ts';
import { readNrrd } from '../nrrd/read-nrrd.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { StoredImage } from '../raster/stored-image.ts';
import type { FileKind } from './sniff-format.ts';

/** Formats whose files hold one grid of numbers. */
export type StoredFormat = StoredImage['format'];

export function isStoredFormat(kind: FileKind): kind is StoredFormat {
  return kind === 'nifti' || kind === 'nrrd' || kind === 'metaimage';
}

/** Names that a volume file may have; .raw and .img belong to their headers. */
export const volumeFileName = /\.(nii|nii\.gz|hdr|nrrd|nhdr|mha|mhd)$/i;

/** Reads the file with the reader of its format. */
export async function readStoredImage(
  path: string,
  format: StoredFormat,
  control: TaskControl = {},
): Promise<StoredImage> {
  switch (format) {
    case 'nifti':
      return readNifti(path, control);
    case 'nrrd':
      return readNrrd(path, control);
    case 'metaimage':
      return readMetaImage(path, control);
  }
}

/** Why a file of this kind is no scan, and what to do about it. */
export function notAScan(path: string, kind: FileKind, wanted: string): ImagingError {
  const expected = `a ${wanted} as DICOM, NIfTI, NRRD or MetaImage`;
  const picture =
    'A picture holds display brightness after windowing, not Hounsfield units, and neither spacing nor ' +
    'orientation nor position, so nothing can be measured in it. Ask for the DICOM series it was made from.';
  switch (kind) {
    case 'jpeg':
    case 'png':
    case 'gif':
    case 'bmp':
    case 'tiff':
      return new ImagingError('unsupported', `A ${kind.toUpperCase()} picture is no ${wanted}.`, {
        where: path,
        expected,
        advice: picture,
      });
    case 'empty':
      return new ImagingError('not-an-image', 'The file is empty.', {
        where: path,
        found: '0 bytes',
        expected,
        advice: 'Copy it again.',
      });
    case 'gzip':
      return new ImagingError('unsupported', 'There is no NIfTI image in this gzip archive.', {
        where: path,
        expected,
        advice: 'Unpack it (gunzip, tar xzf) and give what comes out.',
      });
    default:
      return new ImagingError('not-an-image', 'This file is no image.', {
        where: path,
        found: kind === 'unknown' ? 'an unknown binary format' : kind,
        expected,
      });
  }
}
