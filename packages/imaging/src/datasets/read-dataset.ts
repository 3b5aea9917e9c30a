import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import { assertGeometriesAgree } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { asReadError } from '../raster/byte-stream.ts';
import { readLabelmap } from '../scan/read-labelmap.ts';
import { readScan } from '../scan/read-scan.ts';
import type { Labelmap, LabelTable } from '../volume/labelmap.ts';
import type { Scan } from '../volume/scan.ts';
import type { Dataset, DatasetCase, LabelSource } from './dataset.ts';
import { isLits, readLits } from './lits.ts';

export type { Dataset, DatasetCase, LabelSource } from './dataset.ts';

/** A layout: how to see that a folder has it, and how to read it. */
interface Layout {
  readonly looksFor: string;
  readonly fits: (names: readonly string[]) => boolean;
  readonly read: (folder: string, names: readonly string[]) => Promise<Dataset>;
}

const layouts: readonly Layout[] = [
  {
    looksFor: 'volume-N.nii.gz with segmentation-N.nii.gz (LiTS)',
    fits: isLits,
    read: readLits,
  },
];

/**
 * Lists the labelled scans of a folder after recognising its layout. Nothing is read but tables: missing
 * files and doubts about them are reported as findings, scans are read by `readCase`.
 * @throws ImagingError `not-found` (no such folder, or a layout that is not known: the message says what
 * was looked for), `damaged` (a table that cannot be understood)
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const root = resolve(folder);
  const names = await readdir(root).catch((error: unknown) => {
    throw asReadError(error, folder);
  });
  // macOS leaves a hidden "._name" beside each file on foreign disks.
  const visible = names.filter((name) => !name.startsWith('.')).sort();
  const layout = layouts.find((candidate) => candidate.fits(visible));
  if (layout === undefined) {
    throw new ImagingError('not-found', 'The folder has no layout of labelled scans that Glisson knows.', {
      where: folder,
      found: visible.length === 0 ? 'an empty folder' : listNames(visible),
      expected: `one of: ${layouts.map((candidate) => candidate.looksFor).join('; ')}`,
      advice: 'Write a cases.csv with the columns image,label,patient beside any other arrangement.',
    });
  }
  const dataset = await layout.read(root, visible);
  if (dataset.cases.length > 0) return dataset;
  throw new ImagingError('not-found', 'The dataset holds no case.', {
    where: folder,
    found: dataset.findings.map((finding) => finding.message).join(' ') || `layout ${dataset.layout}`,
  });
}

function listNames(names: readonly string[]): string {
  return names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');
}

/**
 * Reads the scan and the labels of a case and checks that they belong together.
 * @returns no labelmap when the case has no labels
 * @throws ImagingError `value-invalid` for a scan with NaN or without contrast, `geometry-mismatch` naming
 * both grids, `label-unknown`, or what `readScan` and `readLabelmap` throw
 */
export async function readCase(
  dataCase: DatasetCase,
  labels: LabelTable,
  control: TaskControl = {},
): Promise<{ scan: Scan; labelmap?: Labelmap }> {
  const scan = await readScan(dataCase.image, {}, control);
  const unusable = scan.findings.find(
    (finding) => finding.severity === 'error' && ['not-finite', 'constant'].includes(finding.code),
  );
  if (unusable !== undefined) {
    throw new ImagingError('value-invalid', `The scan of case ${dataCase.id} cannot be used.`, {
      where: dataCase.image,
      found: unusable.message,
    });
  }
  if (dataCase.label === undefined) return { scan };
  const labelmap = await readLabels(dataCase.label, labels, control);
  assertGeometriesAgree(scan.volume.geometry, labelmap.geometry, [
    `scan ${dataCase.image}`,
    `labels ${describeLabels(dataCase.label)}`,
  ]);
  return { scan, labelmap };
}

function readLabels(source: LabelSource, labels: LabelTable, control: TaskControl): Promise<Labelmap> {
  if (source.kind === 'file') return readLabelmap(source.path, { labels }, control);
  throw new ImagingError('unsupported', 'Masks are not read yet.');
}

function describeLabels(source: LabelSource): string {
  return source.kind === 'file' ? source.path : source.masks.map((mask) => mask.path).join(', ');
}
