import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { openSource } from '../dicom/source/open-source.ts';
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
 * The layout of 3D-IRCADb: one folder a patient with `PATIENT_DICOM` (folder or zip) and `MASKS_DICOM/*` (or
 * `MASKS_DICOM.zip`, as it is distributed), a DICOM series (folder or zip) for each structure. `liver` becomes label 1, and every `livertumor…` label 2;
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
  const zip = names.find((name) => /^MASKS_DICOM\.zip$/i.test(name));
  const masks =
    folder !== undefined
      ? masksInFolder(join(patient, folder), await readdir(join(patient, folder)))
      : zip !== undefined
        ? await masksInZip(join(patient, zip))
        : undefined;
  if (masks === undefined) return unlabelled('There is no MASKS_DICOM: the patient is unlabelled.');
  if (!masks.some((mask) => mask.value === 1)) {
    return unlabelled('MASKS_DICOM has no liver: the patient is unlabelled.');
  }
  return masks.sort((a, b) => a.value - b.value || (a.name < b.name ? -1 : 1));
}

/** Name and label of the mask in a folder or zip of this name; undefined for structures that are no label. */
function maskOf(entry: string): Pick<MaskSource, 'name' | 'value'> | undefined {
  const name = entry.replace(/\.zip$/i, '').toLowerCase();
  if (name === 'liver') return { name, value: 1 };
  return /^livertumou?rs?[-_ ]?\d*$/.test(name) ? { name, value: 2 } : undefined;
}

function masksInFolder(folder: string, entries: readonly string[]): MaskSource[] {
  return [...entries].sort().flatMap((entry) => {
    const mask = maskOf(entry);
    return mask === undefined ? [] : [{ ...mask, path: join(folder, entry) }];
  });
}

/** Every folder (or zip) of the zip that is named like a mask, whatever folders lie around it. */
async function masksInZip(path: string): Promise<MaskSource[]> {
  const source = await openSource(path);
  try {
    const found = new Map<string, MaskSource>();
    for (const { name: file } of source.entries) {
      const folders = file.split('/').slice(0, -1);
      const at = folders.findIndex((folder) => maskOf(folder) !== undefined);
      if (at < 0) continue;
      const within = folders.slice(0, at + 1).join('/');
      found.set(within, { ...maskOf(folders[at]!)!, path, within });
    }
    return [...found.values()];
  } finally {
    source.close();
  }
}
