import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import { writeFolderWhole } from '../files/whole-files.ts';
import { assertGeometry, axisVector, determinant, indexToWorld, type Vec3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { Volume } from '../volume/volume.ts';
import { type Dataset, type DatasetElement, encodeDicomFile } from './dcmjs-dataset.ts';
import { decimalString } from './decimal-string.ts';
import { derivedUid } from './derived-uid.ts';

/** What `force` may replace. */
const entriesOfASeries = /\.dcm$/i;

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';

/** Who and when, and how the files are named; every field has a default. */
export interface CtSeriesOptions {
  /** Study, series, frame of reference and instance UIDs are made from it; default: a hash of the volume. */
  readonly uidSeed?: readonly (string | number)[];
  /** Family^Given; default `Anonymous^Patient`. */
  readonly patientName?: string;
  /** Default `anonymous`. */
  readonly patientId?: string;
  readonly patientSex?: 'M' | 'F' | 'O' | '';
  /** YYYYMMDD; default 19700101, as a file's own clock would not be reproducible. */
  readonly studyDate?: string;
  /** HHMMSS */
  readonly studyTime?: string;
  readonly studyDescription?: string;
  readonly seriesDescription?: string;
  readonly manufacturer?: string;
  readonly bodyPart?: string;
  /** Peak kilovoltage, empty when unknown. */
  readonly kvp?: number;
  /** ORIGINAL (default for phantoms) or DERIVED (a converted image; default). */
  readonly origin?: 'ORIGINAL' | 'DERIVED';
  /** Stored value = HU - intercept; 0 (default) or, as most scanners do it, -1024. */
  readonly rescaleIntercept?: 0 | -1024;
  /** mm, default the slice spacing. */
  readonly sliceThicknessMm?: number;
  /**
   * Step from slice to slice in LPS mm, when the slices are not stacked along their normal (gantry tilt).
   * Default: the grid's third axis times its spacing.
   */
  readonly sliceStepMm?: Vec3;
  /** Name of the file of the slice with instance number n (1, 2, …); default `0001.dcm` … */
  readonly fileName?: (instanceNumber: number) => string;
  /** Replace what is there. */
  readonly force?: boolean;
}

/**
 * Writes a volume of Hounsfield units as a DICOM CT series, one uncompressed CT Image Storage object a slice
 * (PS3.3 A.3), Explicit VR Little Endian, 16 bits signed. The folder appears whole or not at all.
 *
 * Rows of a file run along grid axis 0, columns along axis 1, slices along axis 2; oblique directions are kept.
 * Files are numbered so that position grows along the normal (row direction x column direction): a left-handed
 * grid is therefore written from its last slice to its first, every voxel at its true place, and reads back
 * as the right-handed grid of the same image. Fractions of a HU are rounded.
 *
 * The same volume and options give the same bytes.
 * @throws ImagingError `geometry-invalid`, `value-invalid` (NaN, or values that 16 bits do not hold),
 * `already-exists`, `not-writable`
 */
export async function writeCtSeries(
  folder: string,
  volume: Volume,
  options: CtSeriesOptions = {},
  control: TaskControl = {},
): Promise<void> {
  await writeFolderWhole(folder, (options.force ?? false) && entriesOfASeries, (partial) =>
    writeCtSeriesFiles(partial, volume, options, control),
  );
}

/** `writeCtSeries` into a folder whose appearance is somebody else's care: files are written straight. */
export async function writeCtSeriesFiles(
  folder: string,
  volume: Volume,
  options: CtSeriesOptions = {},
  control: TaskControl = {},
): Promise<void> {
  assertGeometry(volume.geometry);
  await mkdir(folder, { recursive: true });
  const slices = volume.geometry.size[2];
  const common = seriesElements(volume, options);
  const fileName = options.fileName ?? ((n) => `${String(n).padStart(4, '0')}.dcm`);
  for (let n = 1; n <= slices; n++) {
    control.signal?.throwIfAborted();
    const bytes = encodeSlice(volume, n, common, options);
    await writeFile(join(folder, fileName(n)), bytes);
    control.onProgress?.({ stage: 'writing DICOM', done: n, total: slices, unit: 'files' });
  }
}

function element(vr: string, ...values: readonly unknown[]): DatasetElement {
  return { vr, Value: values };
}

function decimals(...values: readonly number[]): DatasetElement {
  return element('DS', ...values.map(decimalString));
}

function volumeSeed(volume: Volume): string {
  const { voxels, geometry } = volume;
  return createHash('sha256')
    .update(JSON.stringify(geometry))
    .update(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength))
    .digest('hex');
}

interface SeriesElements {
  readonly dataset: Dataset;
  readonly seed: readonly (string | number)[];
  readonly reversed: boolean;
}

/** Elements that all slices share. */
function seriesElements(volume: Volume, o: CtSeriesOptions): SeriesElements {
  const { geometry } = volume;
  const seed = o.uidSeed ?? [volumeSeed(volume)];
  const date = o.studyDate ?? '19700101';
  const time = o.studyTime ?? '000000';
  const step = o.sliceStepMm;
  const normal = axisVector(geometry, 2);
  const thickness = o.sliceThicknessMm ?? geometry.spacing[2];
  const dataset: Dataset = {
    '00080005': element('CS', 'ISO_IR 192'),
    '00080008': element(
      'CS',
      o.origin ?? 'DERIVED',
      o.origin === 'ORIGINAL' ? 'PRIMARY' : 'SECONDARY',
      'AXIAL',
    ),
    '00080016': element('UI', ctImageStorage),
    '00080020': element('DA', date),
    '00080021': element('DA', date),
    '00080022': element('DA', date),
    '00080023': element('DA', date),
    '00080030': element('TM', time),
    '00080031': element('TM', time),
    '00080032': element('TM', time),
    '00080033': element('TM', time),
    '00080050': element('SH'),
    '00080060': element('CS', 'CT'),
    '00080070': element('LO', o.manufacturer ?? 'Glisson'),
    '00080090': element('PN'),
    '00081030': element('LO', o.studyDescription ?? 'CT'),
    '0008103E': element('LO', o.seriesDescription ?? 'CT'),
    '00081090': element('LO', 'Glisson'),
    '00100010': element('PN', { Alphabetic: o.patientName ?? 'Anonymous^Patient' }),
    '00100020': element('LO', o.patientId ?? 'anonymous'),
    '00100030': element('DA'),
    '00100040': element('CS', ...(o.patientSex ? [o.patientSex] : [])),
    '00180015': element('CS', o.bodyPart ?? 'ABDOMEN'),
    '00180050': decimals(thickness),
    '00180060': o.kvp === undefined ? element('DS') : decimals(o.kvp),
    '00185100': element('CS', 'HFS'),
    '0020000D': element('UI', derivedUid(...seed, 'study')),
    '0020000E': element('UI', derivedUid(...seed, 'series')),
    '00200010': element('SH', '1'),
    '00200011': element('IS', '1'),
    '00200012': element('IS', '1'),
    '00200037': decimals(...axisVector(geometry, 0), ...axisVector(geometry, 1)),
    '00200052': element('UI', derivedUid(...seed, 'frame of reference')),
    '00201040': element('LO'),
    '00280002': element('US', 1),
    '00280004': element('CS', 'MONOCHROME2'),
    '00280010': element('US', geometry.size[1]),
    '00280011': element('US', geometry.size[0]),
    '00280030': decimals(geometry.spacing[1], geometry.spacing[0]),
    '00280100': element('US', 16),
    '00280101': element('US', 16),
    '00280102': element('US', 15),
    '00280103': element('US', 1),
    '00281050': decimals(40),
    '00281051': decimals(400),
    '00281052': decimals(o.rescaleIntercept ?? 0),
    '00281053': decimals(1),
    '00281054': element('LO', 'HU'),
  };
  if (step !== undefined) {
    // Angle between the step and the slices' normal: the tilt of the gantry.
    const length = Math.sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]);
    const along = (step[0] * normal[0] + step[1] * normal[1] + step[2] * normal[2]) / length;
    const column = axisVector(geometry, 1);
    const lean = step[0] * column[0] + step[1] * column[1] + step[2] * column[2];
    const degrees = (Math.acos(Math.min(1, Math.abs(along))) * 180) / Math.PI;
    dataset['00181120'] = decimals(Math.round((lean < 0 ? -degrees : degrees) * 1e4) / 1e4);
  }
  return { dataset, seed, reversed: determinant(geometry.direction) < 0 };
}

/** The file of the slice with instance number `n`. */
function encodeSlice(volume: Volume, n: number, common: SeriesElements, o: CtSeriesOptions): Uint8Array {
  const { geometry } = volume;
  const k = common.reversed ? geometry.size[2] - n : n - 1;
  const step = o.sliceStepMm;
  const [x, y, z] = geometry.origin;
  const position: Vec3 =
    step === undefined
      ? indexToWorld(geometry, [0, 0, k])
      : [x + k * step[0], y + k * step[1], z + k * step[2]];
  const uid = derivedUid(...common.seed, 'instance', n);
  const location =
    (geometry.direction[2] * position[0] +
      geometry.direction[5] * position[1] +
      geometry.direction[8] * position[2]) *
    (common.reversed ? -1 : 1);
  const dataset: Dataset = {
    ...common.dataset,
    '00080018': element('UI', uid),
    '00200013': element('IS', String(n)),
    // Twelve decimals: beyond them only rounding errors of the product are written.
    '00200032': decimals(...position.map((v) => Math.round(v * 1e12) / 1e12)),
    '00201041': decimals(Math.round(location * 1e4) / 1e4),
    '7FE00010': element('OW', storedValues(volume, k, o.rescaleIntercept ?? 0)),
  };
  return encodeDicomFile(dataset, ctImageStorage, uid);
}

/** Slice k as 16-bit stored values in their own buffer. */
function storedValues(volume: Volume, k: number, intercept: number): ArrayBuffer {
  const { geometry, voxels } = volume;
  const count = geometry.size[0] * geometry.size[1];
  const from = k * count;
  const stored = new Int16Array(count);
  if (voxels instanceof Int16Array && intercept === 0) {
    stored.set(voxels.subarray(from, from + count));
    return stored.buffer;
  }
  for (let i = 0; i < count; i++) {
    const value = Math.round(voxels[from + i]! - intercept);
    if (!(value >= -32768 && value <= 32767)) {
      throw new ImagingError('value-invalid', 'A voxel does not fit into a DICOM CT image.', {
        where: `voxel (${i % geometry.size[0]}, ${Math.floor(i / geometry.size[0])}, ${k})`,
        found: String(voxels[from + i]),
        expected: `a number from ${-32768 + intercept} to ${32767 + intercept}`,
        advice: 'Clip the volume first; not-a-number has no place in a CT.',
      });
    }
    stored[i] = value;
  }
  return stored.buffer;
}
