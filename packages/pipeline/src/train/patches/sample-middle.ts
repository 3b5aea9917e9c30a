import type { SeededRandom } from '@glisson/imaging/random/seeded-random';
import type { PatchTraining } from '../../plan/patch-plan.ts';
import { lesionValue } from '../label-values.ts';
import type { HardNegative } from './hard-negatives.ts';
import type { PatchCase, PatchKind, PatchMiddle } from './patch-case.ts';

/** Where a training patch is cut, and what it shows. */
export interface SampledPatch extends PatchMiddle {
  readonly patchCase: PatchCase;
  /** 1 for lesion, else 0. */
  readonly target: number;
}

/**
 * Draws the middle of a patch: lesion or not by the plan's chance; of those without, a mined false positive, one outside
 * of the liver, or one in it. With `balance: 'patient'` each patient that has such a middle is equally likely, so that one
 * with huge lesions does not drown the others; then each middle. A kind that nobody has gives way to the other two.
 */
export function sampleMiddle(
  cases: readonly PatchCase[],
  hard: readonly HardNegative[],
  { sampling }: Pick<PatchTraining, 'sampling'>,
  random: SeededRandom,
): SampledPatch {
  const [ofLesion, ofHard, ofOutside] = [random.uniform(), random.uniform(), random.uniform()];
  if (ofLesion < sampling.lesion) {
    const found = drawKind(cases, 'lesion', sampling.balance, random);
    if (found !== undefined) return found;
  }
  if (hard.length > 0 && ofHard < sampling.hard) return drawHard(cases, hard, sampling.balance, random);
  const [first, second] =
    ofOutside < sampling.outsideLiver ? (['outside', 'liver'] as const) : (['liver', 'outside'] as const);
  const found =
    drawKind(cases, first, sampling.balance, random) ??
    drawKind(cases, second, sampling.balance, random) ??
    drawKind(cases, 'lesion', sampling.balance, random);
  if (found === undefined) throw new RangeError('no case has a pixel that could be the middle of a patch');
  return found;
}

function drawKind(
  cases: readonly PatchCase[],
  kind: PatchKind,
  balance: PatchTraining['sampling']['balance'],
  random: SeededRandom,
): SampledPatch | undefined {
  const having = cases.filter(({ counts }) => counts[kind].at(-1)! > 0);
  if (having.length === 0) return undefined;
  const among =
    balance === 'patient' ? ofOnePatient(having, ({ prepared }) => prepared.patient, random) : having;
  let rank = random.integer(among.reduce((sum, { counts }) => sum + counts[kind].at(-1)!, 0));
  for (const patchCase of among) {
    const total = patchCase.counts[kind].at(-1)!;
    if (rank < total) {
      return { patchCase, ...patchCase.middleOf(kind, rank), target: kind === 'lesion' ? 1 : 0 };
    }
    rank -= total;
  }
  throw new RangeError('the rank is beyond all cases');
}

function drawHard(
  cases: readonly PatchCase[],
  hard: readonly HardNegative[],
  balance: PatchTraining['sampling']['balance'],
  random: SeededRandom,
): SampledPatch {
  const patientOf = ({ caseIndex }: HardNegative) => cases[caseIndex]!.prepared.patient;
  const among = balance === 'patient' ? ofOnePatient(hard, patientOf, random) : hard;
  const { caseIndex, slice, pixel } = among[random.integer(among.length)]!;
  const patchCase = cases[caseIndex]!;
  const label = patchCase.labels(slice)[pixel[1] * patchCase.scan.crop.width + pixel[0]];
  return { patchCase, slice, pixel, target: label === lesionValue ? 1 : 0 };
}

function ofOnePatient<T>(items: readonly T[], patientOf: (item: T) => string, random: SeededRandom): T[] {
  const patients = [...new Set(items.map(patientOf))];
  const patient = patients[random.integer(patients.length)]!;
  return items.filter((item) => patientOf(item) === patient);
}
