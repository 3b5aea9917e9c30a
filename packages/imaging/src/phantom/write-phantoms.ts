import { join } from 'node:path';
import { writeCtSeriesFiles } from '../dicom-write/write-ct-series.ts';
import { ImagingError } from '../errors/imaging-error.ts';
import { writeFileWhole, writeFolderWhole } from '../files/whole-files.ts';
import { writeNifti } from '../nifti/write-nifti.ts';
import type { TaskControl } from '../progress/progress.ts';
import { createRandom } from '../random/seeded-random.ts';
import { createPhantom, type PhantomOptions } from './create-phantom.ts';
import { type PhantomFacts, phantomSchema } from './phantom-facts.ts';

/**
 * Options of `createPhantom` for all patients alike, and how many of them. No tilt: the truth of a sheared stack
 * has no grid of its own.
 */
export interface PhantomStudyOptions extends Omit<PhantomOptions, 'patient' | 'tiltDegrees'> {
  /** How many patients. */
  readonly patients: number;
  /** Replace what is there. */
  readonly force?: boolean;
}

/** One patient's entry in `phantoms.json`. */
export interface PhantomEntry extends PhantomFacts {
  /** Folder name, e.g. `patient-001`. */
  readonly id: string;
  /** Relative to the folder of `phantoms.json`. */
  readonly image: string;
  readonly label: string;
}

/** What --force may replace. */
const entriesOfPhantoms = /^(patient-\d{3,}|phantoms\.json)$/;

/** The content of `phantoms.json`. */
export interface PhantomStudy {
  readonly schema: typeof phantomSchema;
  readonly seed: number;
  readonly phantoms: readonly PhantomEntry[];
}

/**
 * Writes phantoms as a data folder: `patient-001/dicom/*.dcm`, `patient-001/truth.nii.gz` (0 background, 1 liver,
 * 2 lesion, on the series' own grid) and `phantoms.json` with what is known about each. The folder appears
 * whole or not at all. One patient is in memory at a time.
 * @throws ImagingError as `createPhantom` and `writeFolderWhole` do
 */
export async function writePhantoms(
  out: string,
  options: PhantomStudyOptions,
  control: TaskControl = {},
): Promise<PhantomStudy> {
  const { patients, force = false, ...phantomOptions } = options;
  if (!Number.isInteger(patients) || patients < 1 || patients > 10_000) {
    throw new ImagingError('value-invalid', 'This many phantoms cannot be made.', {
      where: 'patients',
      found: String(patients),
      expected: 'a whole number, 1 to 10000',
    });
  }
  return writeFolderWhole(out, force && entriesOfPhantoms, async (folder) => {
    const phantoms: PhantomEntry[] = [];
    for (let patient = 1; patient <= patients; patient++) {
      control.signal?.throwIfAborted();
      const number = String(patient).padStart(3, '0');
      const id = `patient-${number}`;
      const { volume, labelmap, facts } = await createPhantom(
        { ...phantomOptions, patient },
        {
          signal: control.signal,
          onProgress: (event) =>
            control.onProgress?.({
              ...event,
              stage: 'phantoms',
              done: (patient - 1) * event.total + event.done,
              total: patients * event.total,
              note: id,
            }),
        },
      );
      const image = `${id}/dicom`;
      const label = `${id}/truth.nii.gz`;
      const dates = createRandom(options.seed, 'phantom', patient, 'dates');
      const pad = (value: number) => String(value).padStart(2, '0');
      await writeCtSeriesFiles(
        join(folder, image),
        volume,
        {
          uidSeed: ['glisson phantom', options.seed, patient, JSON.stringify(phantomOptions)],
          patientName: `Phantom^${number}`,
          patientId: `GLISSON-${options.seed}-${number}`,
          patientSex: dates.uniform() < 0.5 ? 'F' : 'M',
          studyDate: `20${pad(10 + dates.integer(15))}${pad(1 + dates.integer(12))}${pad(1 + dates.integer(28))}`,
          studyTime: `${pad(7 + dates.integer(12))}${pad(dates.integer(60))}${pad(dates.integer(60))}`,
          studyDescription: 'Synthetic abdomen',
          seriesDescription: `Phantom ${facts.phase}`,
          manufacturer: 'Glisson (synthetic)',
          kvp: [100, 120, 140][dates.integer(3)]!,
          origin: 'ORIGINAL',
          rescaleIntercept: -1024,
        },
        { signal: control.signal },
      );
      await writeNifti(join(folder, label), labelmap, { signal: control.signal });
      phantoms.push({ id, image, label, ...facts });
    }
    const study: PhantomStudy = { schema: phantomSchema, seed: options.seed, phantoms };
    await writeFileWhole(join(folder, 'phantoms.json'), `${JSON.stringify(study, null, 2)}\n`);
    return study;
  });
}
