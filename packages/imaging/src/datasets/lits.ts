import { join } from 'node:path';
import { liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import type { Dataset, DatasetCase } from './dataset.ts';
import { patientOf, readPatients, reportUnusedPatients } from './patients-table.ts';

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
 * @throws ImagingError `damaged` when patients.csv lacks its columns or contradicts itself
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
    const id = caseId(match[2]!);
    if (files.has(id)) warn('case-twice', `${name} was ignored: ${files.get(id)} is the same case.`);
    else files.set(id, name);
  }
  const patients = await readPatients(folder, names, caseId, findings);
  const cases: DatasetCase[] = [];
  for (const id of [...volumes.keys()].sort((a, b) => Number(a) - Number(b))) {
    const segmentation = segmentations.get(id);
    if (segmentation === undefined) {
      warn('label-missing', `${volumes.get(id)} has no segmentation-${id}: it is unlabelled.`);
    }
    cases.push({
      id,
      patient: patientOf(id, patients, folder, findings),
      image: join(folder, volumes.get(id)!),
      ...(segmentation === undefined
        ? {}
        : { label: { kind: 'file', path: join(folder, segmentation) } as const }),
    });
  }
  for (const [id, name] of segmentations) {
    if (!volumes.has(id)) warn('image-missing', `${name} has no volume-${id}; it was ignored.`);
  }
  reportUnusedPatients(patients, new Set(volumes.keys()), folder, findings);
  return { layout: 'lits', cases, labels: liverLabels, findings };
}

/** "volume-3", "03" and "3" all mean case 3. */
function caseId(text: string): string {
  const number = /^(?:volume-|case[- ]?)?(\d+)$/i.exec(text)?.[1];
  return number === undefined ? text : String(Number(number));
}
