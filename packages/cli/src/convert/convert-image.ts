import { writeCtSeries } from '@glisson/imaging/dicom-write/write-ct-series';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import {
  assertMayWriteFile,
  assertMayWriteFolder,
  writeFolderWhole,
} from '@glisson/imaging/files/whole-files';
import { describeGeometry, type Geometry } from '@glisson/imaging/geometry/geometry';
import { maskSlice, windowedSlice, writePngStack } from '@glisson/imaging/png/write-png-stack';
import { resampleLabelmap, resampleVolume, withSpacing } from '@glisson/imaging/process/resample';
import { clipHU, type Window } from '@glisson/imaging/process/window';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { writableVolumeName, writeLabelmapFile, writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Finding } from '@glisson/imaging/volume/scan';
import type { Volume } from '@glisson/imaging/volume/volume';
import { sliceIndex } from '@glisson/pipeline/measure/slice-number';
import { UsageError } from '../terminal/error-report.ts';

/** As the command line gives them. */
export interface ConvertOptions {
  readonly to?: 'png' | 'dicom';
  readonly series?: string;
  readonly labels?: boolean;
  readonly spacing?: [number, number, number];
  readonly window?: { low: number; high: number };
  readonly force?: boolean;
}

/** What was written. */
export interface Conversion {
  readonly schema: 'glisson.conversion/1';
  readonly input: string;
  readonly output: string;
  readonly format: string;
  readonly geometry: Geometry;
  /** Size, spacing and place in one line. */
  readonly describes: string;
  /** What the reader noticed. */
  readonly findings: readonly Finding[];
}

/** What --force may replace. */
const entriesOfA = { png: /^\d{4,}\.png$/, dicom: /\.dcm$/i } as const;

const softTissue: Window = { low: -160, high: 240 };

/**
 * Reads a scan or labelmap, resamples and windows it as asked, and writes it; the output appears whole.
 * @throws UsageError for options that do not go together, ImagingError of readers and writers
 */
export async function convertImage(
  input: string,
  output: string,
  options: ConvertOptions,
  control: TaskControl,
): Promise<Conversion> {
  const format = chooseFormat(output, options);
  const force = options.force === true;
  if (format === 'file') assertMayWriteFile(output, force);
  else await assertMayWriteFolder(output, force && entriesOfA[format]);
  const about = { schema: 'glisson.conversion/1', input, output, format } as const;

  if (options.labels === true) {
    let labelmap = await readLabelmap(input, { labels: 'as-found' }, control);
    const { spacing } = options;
    if (spacing !== undefined) labelmap = resampleLabelmap(labelmap, withSpacing(labelmap.geometry, spacing));
    await writeLabels(output, format, labelmap, force, control);
    const { geometry } = labelmap;
    return { ...about, geometry, describes: describeGeometry(geometry), findings: [] };
  }
  const scan = await readScan(input, { seriesInstanceUid: options.series }, control);
  assertUsable(scan.findings, input);
  let volume = scan.volume;
  if (options.spacing !== undefined) {
    const target = withSpacing(volume.geometry, options.spacing);
    volume = resampleVolume(volume, target, { method: 'linear', antialias: true }, control);
  }
  await writeScan(output, format, volume, options.window, force, control);
  const { geometry } = volume;
  return { ...about, geometry, describes: describeGeometry(geometry), findings: scan.findings };
}

type OutputFormat = 'file' | 'png' | 'dicom';

function chooseFormat(output: string, { to, labels, window, series }: ConvertOptions): OutputFormat {
  const isFile = writableVolumeName.test(output);
  if (isFile && to !== undefined) {
    throw new UsageError(`${output} names a file, and --to ${to} fills a folder: leave one of them out.`);
  }
  if (!isFile && to === undefined) {
    throw new UsageError(
      `${output} does not say its format. End it with .nii.gz, .nii, .nrrd, .mha or .mhd, or fill a folder with --to png or --to dicom.`,
    );
  }
  if (labels === true && to === 'dicom')
    throw new UsageError('Labels cannot be written as a DICOM CT series.');
  if (labels === true && window !== undefined)
    throw new UsageError('--window is for scans, not for --labels.');
  if (labels === true && series !== undefined)
    throw new UsageError('--series is for scans, not for --labels.');
  return to ?? 'file';
}

/** @throws ImagingError `value-invalid` for voxels (NaN, no contrast) that no reader should take for a scan */
function assertUsable(findings: readonly Finding[], input: string): void {
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return;
  throw new ImagingError('value-invalid', 'This scan cannot be converted.', {
    where: input,
    found: errors.map((finding) => finding.message).join(' '),
    expected: 'finite values with some contrast',
    advice: 'Nothing was written. For a labelmap say --labels.',
  });
}

async function writeScan(
  output: string,
  format: OutputFormat,
  volume: Volume,
  window: Window | undefined,
  force: boolean,
  control: TaskControl,
): Promise<void> {
  const { geometry, voxels } = volume;
  if (format === 'png') {
    // Numbered like the masks of `segment`: along the patient, not along the file.
    await writeFolderWhole(output, force && entriesOfA.png, (folder) =>
      writePngStack(
        folder,
        geometry.size[2],
        (n) => windowedSlice(voxels, geometry.size, sliceIndex(geometry, n + 1), window ?? softTissue),
        control,
      ),
    );
    return;
  }
  const clipped = window === undefined ? volume : { geometry, voxels: clipHU(voxels, window) };
  if (format === 'dicom') await writeCtSeries(output, clipped, { force }, control);
  else await writeVolumeFile(output, clipped, control);
}

async function writeLabels(
  output: string,
  format: OutputFormat,
  labelmap: Labelmap,
  force: boolean,
  control: TaskControl,
): Promise<void> {
  if (format === 'file') return writeLabelmapFile(output, labelmap, control);
  const { geometry, voxels, labels } = labelmap;
  const values = labels.map((label) => label.value).filter((value) => value > 0);
  await writeFolderWhole(output, force && entriesOfA.png, (folder) =>
    writePngStack(
      folder,
      geometry.size[2],
      (n) => maskSlice(voxels, geometry.size, sliceIndex(geometry, n + 1), values),
      control,
    ),
  );
}
