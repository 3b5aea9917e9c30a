import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';
import { asReadError } from '../raster/byte-stream.ts';
import { labelmapOnGrid } from '../scan/labelmap-on-grid.ts';
import { readLabelmap } from '../scan/read-labelmap.ts';
import { readScan } from '../scan/read-scan.ts';
import { createLabelmap, type Labelmap, type LabelTable } from '../volume/labelmap.ts';
import type { Scan } from '../volume/scan.ts';
import { findCaseTable, readCaseTable } from './csv.ts';
import type { Dataset, DatasetCase, LabelSource } from './dataset.ts';
import { isDecathlon, readDecathlon } from './decathlon.ts';
import { isGlissonPhantom, readGlissonPhantom } from './glisson-phantom.ts';
import { findIrcadbPatients, readIrcadb } from './ircadb.ts';
import { isLits, readLits } from './lits.ts';
import { mergeMasks } from './merge-masks.ts';

export type { Dataset, DatasetCase, LabelSource } from './dataset.ts';

/** A layout: what a folder of it holds, and its cases when it does. */
interface Layout {
  readonly looksFor: string;
  readonly read: (folder: string, names: readonly string[]) => Promise<Dataset | undefined>;
}

/** In this order: a marker file is surer than a name, and a name surer than a search. */
const layouts: readonly Layout[] = [
  {
    looksFor: 'phantoms.json (glisson phantom)',
    read: async (folder, names) => (isGlissonPhantom(names) ? readGlissonPhantom(folder, names) : undefined),
  },
  {
    looksFor: 'dataset.json (Medical Segmentation Decathlon)',
    read: async (folder, names) => (isDecathlon(names) ? readDecathlon(folder, names) : undefined),
  },
  {
    looksFor: 'volume-N.nii.gz with segmentation-N.nii.gz (LiTS)',
    read: async (folder, names) => (isLits(names) ? readLits(folder, names) : undefined),
  },
  {
    looksFor: 'cases.csv, or one CSV with the columns image,label,patient',
    read: async (folder, names) => {
      const table = await findCaseTable(folder, names);
      return table === undefined ? undefined : readCaseTable(table);
    },
  },
  {
    looksFor: 'patient folders with PATIENT_DICOM and MASKS_DICOM (3D-IRCADb)',
    read: async (folder) => {
      const patients = await findIrcadbPatients(folder);
      return patients.length === 0 ? undefined : readIrcadb(folder, patients);
    },
  },
];

/**
 * Lists the labelled scans of a folder after recognising its layout, or of a CSV of cases. Nothing is read but tables: missing
 * files and doubts about them are reported as findings, scans are read by `readCase`.
 * @throws ImagingError `not-found` (no such folder, or a layout that is not known: the message says what
 * was looked for), `damaged` (a table that cannot be understood)
 */
export async function readDataset(path: string): Promise<Dataset> {
  const root = resolve(path);
  const dataset = /\.csv$/i.test(root) ? await readCaseTable(root) : await readFolder(root);
  if (dataset.cases.length > 0) return dataset;
  throw new ImagingError('not-found', 'The dataset holds no case.', {
    where: path,
    found: dataset.findings.map((finding) => finding.message).join(' ') || `layout ${dataset.layout}`,
  });
}

async function readFolder(folder: string): Promise<Dataset> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw asReadError(error, folder);
  });
  // macOS leaves a hidden "._name" beside each file on foreign disks.
  const visible = names.filter((name) => !name.startsWith('.')).sort();
  for (const layout of layouts) {
    const dataset = await layout.read(folder, visible);
    if (dataset !== undefined) return dataset;
  }
  throw new ImagingError('not-found', 'The folder has no layout of labelled scans that Glisson knows.', {
    where: folder,
    found: visible.length === 0 ? 'an empty folder' : listNames(visible),
    expected: `one of: ${layouts.map((candidate) => candidate.looksFor).join('; ')}`,
    advice: 'Write a cases.csv with the columns image,label,patient beside any other arrangement.',
  });
}

function listNames(names: readonly string[]): string {
  return names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');
}

/**
 * Reads the scan and the labels of a case and checks that they belong together. Labels whose voxels are the
 * scan's in another order (reversed rows or slices, swapped axes) are reordered onto the scan's grid.
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
  const { label } = dataCase;
  if (label.kind === 'masks') return { scan, labelmap: await mergeMasks(scan, label.masks, labels, control) };
  const labelmap = labelmapOnGrid(await readLabelFile(label, labels, control), scan.volume.geometry, [
    `scan ${dataCase.image}`,
    `labels ${label.path}`,
  ]);
  return { scan, labelmap };
}

/** Maps stored values to the dataset's where the source says so; the voxels just read are changed in place. */
async function readLabelFile(
  source: Extract<LabelSource, { kind: 'file' }>,
  labels: LabelTable,
  control: TaskControl,
): Promise<Labelmap> {
  const { path, values } = source;
  if (values === undefined) return readLabelmap(path, { labels }, control);
  const stored = values.map((entry) => ({ value: entry.stored, name: `stored ${entry.stored}` }));
  const { geometry, voxels } = await readLabelmap(path, { labels: stored }, control);
  const map = new Uint8Array(256);
  for (const entry of values) map[entry.stored] = entry.value;
  for (let i = 0; i < voxels.length; i++) voxels[i] = map[voxels[i]!]!;
  return createLabelmap(geometry, voxels, labels);
}
