import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import type { Dataset, DatasetCase, MaskSource } from './dataset.ts';

/** Patient folders lie at most this deep: 3Dircadb1/3Dircadb1.1 inside what an archive made. */
const maxDepth = 3;

const patientScan = /^PATIENT_DICOM(\.zip)?$/i;

/** Folders that hold PATIENT_DICOM, `folder` itself included, in natural order. */
export async function findIrcadbPatients(folder: string, depth = 0): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((entry) => patientScan.test(entry.name))) return [folder];
  if (depth === maxDepth) return [];
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    found.push(...(await findIrcadbPatients(join(folder, entry.name), depth + 1)));
  }
  return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/**
 * The layout of 3D-IRCADb: one folder a patient with `PATIENT_DICOM` (folder or zip) and `MASKS_DICOM/*`, a
 * DICOM series (folder or zip) for each structure. `liver` becomes label 1, and every `livertumor…` label 2;
 * cysts and other structures are left out, as LiTS does not mark them as lesions either. A patient without
 * tumour masks has a liver without lesions; one without a liver mask is unlabelled.
 */
export async function readIrcadb(folder: string, patients: readonly string[]): Promise<Dataset> {
  const findings: Finding[] = [];
  const cases: DatasetCase[] = [];
  for (const patient of patients) {
    const id = (relative(folder, patient) === '' ? basename(patient) : relative(folder, patient)).replaceAll(
      /[\\/]/g,
      '_',
    );
    const names = await readdir(patient);
    const scan =
      names.find((name) => /^PATIENT_DICOM$/i.test(name)) ?? names.find((name) => patientScan.test(name))!;
    const masks = await findMasks(patient, names, findings);
    cases.push({
      id,
      patient: basename(patient),
      image: join(patient, scan),
      ...(masks.length > 0 ? { label: { kind: 'masks', masks } as const } : {}),
    });
  }
  return { layout: 'ircadb', cases, labels: liverLabels, findings };
}

async function findMasks(
  patient: string,
  names: readonly string[],
  findings: Finding[],
): Promise<MaskSource[]> {
  const unlabelled = (message: string): MaskSource[] => {
    findings.push({ severity: 'warning', code: 'label-missing', message, where: patient });
    return [];
  };
  const folder = names.find((name) => /^MASKS_DICOM$/i.test(name));
  if (folder === undefined) {
    const zip = names.find((name) => /^MASKS_DICOM\.zip$/i.test(name));
    return unlabelled(
      zip === undefined
        ? 'There is no MASKS_DICOM: the patient is unlabelled.'
        : `The patient is unlabelled until ${zip} is unpacked: the folders in it name the masks.`,
    );
  }
  const masks: MaskSource[] = [];
  for (const entry of (await readdir(join(patient, folder))).sort()) {
    const name = entry.replace(/\.zip$/i, '').toLowerCase();
    const value = name === 'liver' ? 1 : /^livertumou?rs?[-_ ]?\d*$/.test(name) ? 2 : undefined;
    if (value !== undefined) masks.push({ name, path: join(patient, folder, entry), value });
  }
  if (!masks.some((mask) => mask.value === 1)) {
    return unlabelled('MASKS_DICOM has no liver: the patient is unlabelled.');
  }
  return masks.sort((a, b) => a.value - b.value || (a.name < b.name ? -1 : 1));
}
