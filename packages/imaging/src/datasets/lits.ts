import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import { liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import { parseCsvTable } from './csv-table.ts';
import type { Dataset, DatasetCase } from './dataset.ts';

const fileName = /^(volume|segmentation)-(\d+)\.nii(\.gz)?$/i;

/** Whether the names in a folder are those of the LiTS challenge. */
export function isLits(names: readonly string[]): boolean {
  return names.some((name) => /^volume-\d+\.nii(\.gz)?$/i.test(name));
}

/**
 * The layout of the Liver Tumor Segmentation Challenge (LiTS): `volume-N.nii[.gz]` and
 * `segmentation-N.nii[.gz]` in one folder, N being the case; `patients.csv` (columns case, patient) beside
 * them says which cases are of one patient. Without it each case counts as a patient, with a warning.
 * Volumes without labels are kept as unlabelled cases; both kinds of missing partner are reported.
 * @throws ImagingError `damaged` when patients.csv lacks its columns or names a case twice
 */
export async function readLits(folder: string, names: readonly string[]): Promise<Dataset> {
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: folder });
  const volumes = new Map<string, string>();
  const segmentations = new Map<string, string>();
  for (const name of [...names].sort()) {
    const match = fileName.exec(name);
    if (match === null) continue;
    const files = match[1]!.toLowerCase() === 'volume' ? volumes : segmentations;
    const id = String(Number(match[2]));
    if (files.has(id)) warn('case-twice', `${name} was ignored: ${files.get(id)} is the same case.`);
    else files.set(id, name);
  }

  const patientsName = names.find((name) => name.toLowerCase() === 'patients.csv');
  const patients = patientsName === undefined ? undefined : await readPatients(join(folder, patientsName));
  if (patients === undefined) {
    warn(
      'patients-unknown',
      'There is no patients.csv (case,patient): each case counts as a patient of its own. Two scans of one patient would then leak between training and test.',
    );
  }
  const cases: DatasetCase[] = [];
  for (const id of [...volumes.keys()].sort((a, b) => Number(a) - Number(b))) {
    const segmentation = segmentations.get(id);
    if (segmentation === undefined) {
      warn('label-missing', `${volumes.get(id)} has no segmentation-${id}: it is unlabelled.`);
    }
    if (patients !== undefined && !patients.has(id)) {
      warn('patient-missing', `Case ${id} is not in patients.csv; it counts as a patient of its own.`);
    }
    cases.push({
      id,
      patient: patients?.get(id) ?? `case ${id}`,
      image: join(folder, volumes.get(id)!),
      ...(segmentation === undefined
        ? {}
        : { label: { kind: 'file', path: join(folder, segmentation) } as const }),
    });
  }
  for (const [id, name] of segmentations) {
    if (!volumes.has(id)) warn('image-missing', `${name} has no volume-${id}; it was ignored.`);
  }
  for (const id of patients?.keys() ?? []) {
    if (!volumes.has(id)) warn('case-missing', `patients.csv names case ${id}, which is not there.`);
  }
  return { layout: 'lits', cases, labels: liverLabels, findings };
}

async function readPatients(path: string): Promise<Map<string, string>> {
  const { columns, rows } = parseCsvTable(await readFile(path, 'utf8'), path);
  if (!columns.includes('case') || !columns.includes('patient')) {
    throw new ImagingError('damaged', 'patients.csv does not say whose case is whose.', {
      where: path,
      found: `columns ${columns.join(', ')}`,
      expected: 'case,patient',
    });
  }
  const patients = new Map<string, string>();
  for (const row of rows) {
    // "volume-3", "03" and "3" all mean case 3.
    const number = /^(?:volume-|case-?)?(\d+)$/i.exec(row.case!)?.[1];
    const id = number === undefined ? row.case! : String(Number(number));
    if (row.patient === '') {
      throw new ImagingError('damaged', 'A case has no patient.', { where: path, found: `case ${id}` });
    }
    const before = patients.get(id);
    if (before !== undefined && before !== row.patient) {
      throw new ImagingError('damaged', 'A case belongs to two patients.', {
        where: path,
        found: `case ${id}: ${before} and ${row.patient}`,
      });
    }
    patients.set(id, row.patient!);
  }
  return patients;
}
