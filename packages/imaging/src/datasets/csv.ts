import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import { asReadError } from '../raster/byte-stream.ts';
import { liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import { parseCsvTable } from './csv-table.ts';
import type { Dataset, DatasetCase } from './dataset.ts';

/** The CSV of a folder that lists cases: `cases.csv`, else the only one whose header has a column `image`. */
export async function findCaseTable(folder: string, names: readonly string[]): Promise<string | undefined> {
  const tables: string[] = [];
  for (const name of names.filter((candidate) => /\.csv$/i.test(candidate))) {
    if (name.toLowerCase() === 'cases.csv') return join(folder, name);
    const header = (await readFile(join(folder, name), 'utf8')).split('\n', 1)[0]!;
    if (/(^|[,;])\s*"?image"?\s*([,;]|$)/i.test(header.trim().replace(/^\uFEFF/, '')))
      tables.push(join(folder, name));
  }
  return tables.length === 1 ? tables[0] : undefined;
}

/**
 * A table of cases with the columns image, label, patient, and if wanted case (default: the image's name).
 * Paths are relative to the table; an image may be a file, a folder or a zip. An empty label means unlabelled.
 * Labels are `liverLabels`. Missing files, a missing patient column and unknown columns are reported.
 * @throws ImagingError `not-found`, `not-readable`; `damaged` when there is no column image, or a cell of it is empty
 */
export async function readCaseTable(path: string): Promise<Dataset> {
  const folder = dirname(resolve(path));
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw asReadError(error, path);
  });
  const { columns, rows } = parseCsvTable(text, path);
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: path });
  if (!columns.includes('image')) {
    throw new ImagingError('damaged', 'The table does not list images.', {
      where: path,
      found: `columns ${columns.join(', ')}`,
      expected: 'a header image,label,patient',
    });
  }
  const unknown = columns.filter((name) => !['image', 'label', 'patient', 'case'].includes(name));
  if (unknown.length > 0) warn('columns-unknown', `Columns that mean nothing here: ${unknown.join(', ')}.`);
  if (!columns.includes('patient')) {
    warn(
      'patients-unknown',
      'There is no column patient: each case counts as a patient of its own. Two scans of one patient would then leak between training and test.',
    );
  }
  const cases: DatasetCase[] = [];
  for (const [i, row] of rows.entries()) {
    const line = `row ${i + 1}`;
    if (row.image === '') {
      throw new ImagingError('damaged', 'A row names no image.', { where: `${path}, ${line}` });
    }
    const image = resolve(folder, row.image!);
    const id = uniqueId(row.case || defaultId(folder, image), cases);
    if (!existsSync(image)) {
      warn('image-missing', `${line} was left out: ${row.image} is not there.`);
      continue;
    }
    const label = row.label ? resolve(folder, row.label) : undefined;
    const hasLabel = label !== undefined && existsSync(label);
    if (label !== undefined && !hasLabel)
      warn('label-missing', `${line} is unlabelled: ${row.label} is not there.`);
    if (columns.includes('patient') && row.patient === '') {
      warn('patient-missing', `${line} has no patient; it counts as a patient of its own.`);
    }
    cases.push({
      id,
      patient: row.patient || `case ${id}`,
      image,
      ...(hasLabel ? { label: { kind: 'file', path: label } as const } : {}),
    });
  }
  return { layout: 'csv', cases, labels: liverLabels, findings };
}

/** The path inside the folder as one name, without extension: usable as a file name. */
function defaultId(folder: string, image: string): string {
  const inside = relative(folder, image);
  const name = inside.startsWith('..') ? basename(image) : inside;
  return name.replace(/\.(nii|nii\.gz|nrrd|nhdr|mha|mhd|hdr|zip|dcm)$/i, '').replaceAll(/[\\/]/g, '_');
}

function uniqueId(wanted: string, cases: readonly DatasetCase[]): string {
  let id = wanted;
  for (let n = 2; cases.some((one) => one.id === id); n++) id = `${wanted}-${n}`;
  return id;
}
