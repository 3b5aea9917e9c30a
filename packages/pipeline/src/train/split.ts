import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import { PipelineError } from '../errors/pipeline-error.ts';
import { nearestName } from '../plan/nearest-name.ts';
import type { SplitPlan } from '../plan/plan.ts';

/** What a split needs to know of a case. */
export interface SplitCase {
  readonly id: string;
  readonly patient: string;
}

export interface SplitChoice {
  /** Patients to validate on; without them about a fifth of the patients, drawn with the seed. */
  readonly validation?: readonly string[];
  /** Patients that training never looks at. */
  readonly test?: readonly string[];
  readonly seed: number;
}

/** Share of the patients that validate when none is named. */
const validationShare = 0.2;

/**
 * Divides cases into training, validation and test by patient: all scans of a patient fall on one side, since two
 * scans of one person are too alike for one to test what was learned from the other. Cases keep their order.
 * @throws PipelineError `split-impossible` for unknown patients, patients on two sides, cases listed twice, or when
 * nothing is left to train or validate on
 */
export function splitByPatient(cases: readonly SplitCase[], choice: SplitChoice): SplitPlan {
  const patients = [...new Set(cases.map((c) => c.patient))].sort();
  const test = new Set(choice.test ?? []);
  const named = choice.validation ?? [];
  const impossible = (summary: string, found: string, advice: string) =>
    new PipelineError('split-impossible', summary, {
      found,
      expected: 'at least one patient to train on and one to validate on, each patient on one side only',
      advice,
    });

  const ids = new Set<string>();
  for (const { id } of cases) {
    if (ids.has(id)) throw impossible('A case is listed twice.', id, 'Name each case once.');
    ids.add(id);
  }
  for (const patient of [...named, ...test]) {
    if (patients.includes(patient)) continue;
    const near = nearestName(patient, patients);
    throw impossible(
      'A patient of the split is not in the data.',
      `${patient}; the data has ${patients.join(', ')}`,
      near === undefined ? 'Name patients as the data does.' : `Did you mean ${near}?`,
    );
  }
  const both = named.filter((patient) => test.has(patient));
  if (both.length > 0)
    throw impossible(
      'A patient is on two sides.',
      `${both.join(', ')} both validate and test`,
      'Choose one.',
    );

  const rest = patients.filter((patient) => !test.has(patient));
  const validation = new Set(named);
  if (validation.size === 0) {
    const count = Math.max(1, Math.min(Math.round(rest.length * validationShare), rest.length - 1));
    const drawn = shuffle([...rest], createRandom(choice.seed, 'split'));
    for (const patient of drawn.slice(0, count)) validation.add(patient);
  }
  const train = new Set(rest.filter((patient) => !validation.has(patient)));
  if (train.size === 0) {
    throw impossible(
      'No patient is left to train on.',
      `${patients.length} patient${patients.length === 1 ? '' : 's'} (${patients.join(', ')}), of which ` +
        `${validation.size} validate and ${test.size} test`,
      'Add labelled patients, or hold out fewer. Scans of one patient cannot be divided.',
    );
  }
  const casesOf = (side: ReadonlySet<string>) => cases.filter((c) => side.has(c.patient)).map((c) => c.id);
  return {
    train: casesOf(train),
    validation: casesOf(validation),
    test: casesOf(test),
    patients: Object.fromEntries(cases.map((c) => [c.id, c.patient])),
  };
}
