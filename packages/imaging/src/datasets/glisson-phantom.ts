import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { liverLabels } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';
import type { Dataset, DatasetCase } from './dataset.ts';

/** Whether the names in a folder are those that `glisson phantom` writes. */
export function isGlissonPhantom(names: readonly string[]): boolean {
  return names.includes('phantoms.json');
}

/** Phantoms as `glisson phantom` writes them: `patient-001/dicom` with `patient-001/truth.nii.gz`. */
export async function readGlissonPhantom(folder: string, names: readonly string[]): Promise<Dataset> {
  const findings: Finding[] = [];
  const cases: DatasetCase[] = [];
  for (const name of names.filter((candidate) => /^patient-\d+$/.test(candidate)).sort()) {
    const image = join(folder, name, 'dicom');
    const truth = join(folder, name, 'truth.nii.gz');
    const warn = (code: string, message: string) =>
      findings.push({ severity: 'warning', code, message, where: join(folder, name) });
    if (!existsSync(image)) {
      warn('image-missing', `${name} has no folder dicom; it was left out.`);
      continue;
    }
    const hasTruth = existsSync(truth);
    if (!hasTruth) warn('label-missing', `${name} has no truth.nii.gz: it is unlabelled.`);
    cases.push({
      id: name,
      patient: name,
      image,
      ...(hasTruth ? { label: { kind: 'file', path: truth } as const } : {}),
    });
  }
  return { layout: 'glisson-phantom', cases, labels: liverLabels, findings };
}
