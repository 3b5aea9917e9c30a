import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';
import { toLabelValues } from '../raster/stored-image.ts';
import {
  assertKnownLabels,
  countLabels,
  createLabelmap,
  type Labelmap,
  type LabelTable,
  liverLabels,
} from '../volume/labelmap.ts';
import { findImage } from './read-scan.ts';
import { isStoredFormat, notAScan, readStoredImage } from './read-stored-image.ts';
import { sniffFormat } from './sniff-format.ts';

/** How to name the values of a label image. */
export interface ReadLabelmapOptions {
  /** Default: `liverLabels`. `'as-found'` names each value that occurs after itself ("label 7"). */
  readonly labels?: LabelTable | 'as-found';
}

/**
 * Reads a label image: NIfTI, NRRD or MetaImage (a file, or a folder with just one). Images of other number
 * types pass when every value is a whole number in 0..255.
 * @throws ImagingError `label-unknown` when a value occurs that the table does not name; `value-invalid` for
 * fractional values; `unsupported` for DICOM; else as `readScan`
 */
export async function readLabelmap(
  path: string,
  options: ReadLabelmapOptions = {},
  control: TaskControl = {},
): Promise<Labelmap> {
  const file = await findImage(path, 'label image');
  const kind = file === 'dicom' ? 'dicom' : await sniffFormat(file);
  if (kind === 'dicom' || kind === 'zip') {
    throw new ImagingError('unsupported', 'Labels are not read from DICOM yet.', {
      where: path,
      found: kind === 'zip' ? 'a zip' : 'DICOM, or a folder without a volume file',
      expected: 'a NIfTI, NRRD or MetaImage label image',
      advice: 'Convert the DICOM SEG or RTSTRUCT to NIfTI on the grid of its scan first.',
    });
  }
  if (!isStoredFormat(kind)) throw notAScan(file, kind, 'label image');
  const image = await readStoredImage(file, kind, control);
  const voxels = toLabelValues(image);
  const labels = options.labels ?? liverLabels;
  const labelmap = createLabelmap(
    image.geometry,
    voxels,
    labels === 'as-found' ? labelsAsFound(voxels) : labels,
  );
  assertKnownLabels(labelmap, path);
  return labelmap;
}

function labelsAsFound(voxels: Uint8Array): LabelTable {
  const counts = countLabels(voxels);
  return [...counts.keys()]
    .filter((value) => value === 0 || counts[value]! > 0)
    .map((value) => ({ value, name: value === 0 ? 'background' : `label ${value}` }));
}
