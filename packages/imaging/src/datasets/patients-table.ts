import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import type { Finding } from '../volume/scan.ts';
import { parseCsvTable } from './csv-table.ts';

/**
 * Who is whose: `patients.csv` (columns case, patient) of a folder, for layouts that do not say which cases
 * are of one patient. Cases are named as `caseId` makes them.
 * @returns undefined, with a warning in `findings`, when the file is not there
 * @throws ImagingError `damaged` when it lacks its columns, has an empty patient, or names a case twice
 */
export async function readPatients(
  folder: string,
  names: readonly string[],
  caseId: (text: string) => string,
  findings: Finding[],
): Promise<Map<string, string> | undefined> {
  const name = names.find((candidate) => candidate.toLowerCase() === 'patients.csv');
  if (name === undefined) {
    findings.push({
      severity: 'warning',
      code: 'patients-unknown',
      message:
        'There is no patients.csv (case,patient): each case counts as a patient of its own. Two scans of one patient would then leak between training and test.',
      where: folder,
    });
    return undefined;
  }
  const path = join(folder, name);
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
    const id = caseId(row.case!);
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

/** The patient of a case; one that the table lacks counts as a patient of its own, with a warning. */
export function patientOf(
  id: string,
  patients: ReadonlyMap<string, string> | undefined,
  folder: string,
  findings: Finding[],
): string {
  const patient = patients?.get(id);
  if (patient === undefined && patients !== undefined) {
    findings.push({
      severity: 'warning',
      code: 'patient-missing',
      message: `Case ${id} is not in patients.csv; it counts as a patient of its own.`,
      where: folder,
    });
  }
  return patient ?? `case ${id}`;
}

/** Reports entries of patients.csv that name no case. */
export function reportUnusedPatients(
  patients: ReadonlyMap<string, string> | undefined,
  ids: ReadonlySet<string>,
  folder: string,
  findings: Finding[],
): void {
  for (const id of patients?.keys() ?? []) {
    if (ids.has(id)) continue;
    findings.push({
      severity: 'warning',
      code: 'case-missing',
      message: `patients.csv names case ${id}, which is not there.`,
      where: folder,
    });
  }
}
