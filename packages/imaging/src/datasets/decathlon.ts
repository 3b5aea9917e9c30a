import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import { type LabelTable, liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import type { Dataset, DatasetCase, LabelValueMap } from './dataset.ts';
import { patientOf, readPatients, reportUnusedPatients } from './patients-table.ts';

/** Whether the names in a folder are those of a Medical Segmentation Decathlon task. */
export function isDecathlon(names: readonly string[]): boolean {
  return names.includes('dataset.json');
}

/**
 * The layout of the Medical Segmentation Decathlon: `dataset.json` lists `training` pairs of image and label
 * with paths relative to it. Label names that mean liver and its lesions (Task03: background, liver, cancer)
 * become `liverLabels`; other tables are kept. Images of `test` have no labels and are left out, with a remark.
 * A `patients.csv` (case, patient; cases named as their image files) says which cases are of one patient.
 * @throws ImagingError `damaged`, `unsupported` (several channels, not CT, the newer nnU-Net format)
 */
export async function readDecathlon(folder: string, names: readonly string[]): Promise<Dataset> {
  const path = join(folder, 'dataset.json');
  const table = parseTable(await readFile(path, 'utf8'), path);
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: folder });
  const { labels, values } = mapLabels(table.labels);
  const patients = await readPatients(folder, names, caseId, findings);
  const cases: DatasetCase[] = [];
  for (const entry of table.training) {
    const image = resolve(folder, entry.image);
    const label = resolve(folder, entry.label);
    // Archives packed on macOS list "._liver_1.nii.gz" twins that hold no image.
    if (basename(image).startsWith('._')) continue;
    const id = caseId(image);
    if (!existsSync(image)) {
      warn('image-missing', `Case ${id} was left out: ${entry.image} is not there.`);
      continue;
    }
    if (cases.some((other) => other.id === id)) {
      warn('case-twice', `${entry.image} was ignored: case ${id} is listed before.`);
      continue;
    }
    const hasLabel = existsSync(label);
    if (!hasLabel) warn('label-missing', `Case ${id} is unlabelled: ${entry.label} is not there.`);
    cases.push({
      id,
      patient: patientOf(id, patients, folder, findings),
      image,
      ...(hasLabel ? { label: { kind: 'file', path: label, ...(values && { values }) } as const } : {}),
    });
  }
  reportUnusedPatients(patients, new Set(cases.map((one) => one.id)), folder, findings);
  if (table.testCount > 0) {
    findings.push({
      severity: 'info',
      code: 'test-images',
      message: `${table.testCount} test images without labels were left out.`,
      where: folder,
    });
  }
  return { layout: 'decathlon', cases, labels, findings };
}

interface DecathlonTable {
  readonly labels: LabelTable;
  readonly training: readonly { readonly image: string; readonly label: string }[];
  readonly testCount: number;
}

function parseTable(text: string, path: string): DecathlonTable {
  const damaged = (where: string, found: string, expected: string) =>
    new ImagingError('damaged', 'dataset.json cannot be understood.', {
      where: `${path}, ${where}`,
      found,
      expected,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged('text', (error as Error).message, 'JSON');
  }
  if (!isRecord(json)) throw damaged('text', typeof json, 'an object');
  if (isRecord(json.channel_names)) {
    throw new ImagingError('unsupported', 'This dataset.json is of nnU-Net, not of the Decathlon.', {
      where: path,
      expected: 'lists "training" of image and label',
      advice: 'Write a cases.csv with the columns image,label,patient instead.',
    });
  }
  const modalities = isRecord(json.modality) ? Object.values(json.modality) : [];
  if (modalities.length !== 1 || !/^ct$/i.test(String(modalities[0]))) {
    throw new ImagingError('unsupported', 'The dataset is not CT with one channel.', {
      where: `${path}, modality`,
      found: JSON.stringify(json.modality) ?? 'nothing',
      expected: '{"0": "CT"}',
    });
  }
  if (!isRecord(json.labels))
    throw damaged('labels', JSON.stringify(json.labels) ?? 'nothing', 'value: name');
  const labels = Object.entries(json.labels).map(([value, name]) => ({
    value: Number(value),
    name: String(name),
  }));
  const wrong = labels.find(({ value }) => !Number.isInteger(value) || value < 0 || value > 255);
  if (wrong !== undefined) throw damaged('labels', String(wrong.value), 'values 0..255');
  if (!Array.isArray(json.training))
    throw damaged('training', typeof json.training, 'a list of image and label');
  const training = json.training.map((entry: unknown, i) => {
    if (isRecord(entry) && typeof entry.image === 'string' && typeof entry.label === 'string') {
      return { image: entry.image, label: entry.label };
    }
    throw damaged(`training[${i}]`, JSON.stringify(entry), '{"image": path, "label": path}');
  });
  return { labels, training, testCount: Array.isArray(json.test) ? json.test.length : 0 };
}

/** Our labels and how stored values map to them, when the names are clear; else the table as it is. */
export function mapLabels(table: LabelTable): { labels: LabelTable; values?: readonly LabelValueMap[] } {
  const meaning = (name: string): number | undefined => {
    if (/^background$/i.test(name)) return 0;
    if (/^liver$/i.test(name)) return 1;
    return /^(liver[ _-]?)?(cancer|tumou?rs?|lesions?)$/i.test(name) ? 2 : undefined;
  };
  const mapped = table.map(({ value, name }) => ({ stored: value, value: meaning(name) }));
  const meanings = mapped.map(({ value }) => value);
  const isLiver = meanings.includes(1) && meanings.every((value) => value !== undefined);
  if (!isLiver) return { labels: table };
  const values = mapped as LabelValueMap[];
  return values.every(({ stored, value }) => stored === value)
    ? { labels: liverLabels }
    : { labels: liverLabels, values };
}

function caseId(image: string): string {
  return basename(image).replace(/\.(nii|nii\.gz|nrrd|mha|mhd)$/i, '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
