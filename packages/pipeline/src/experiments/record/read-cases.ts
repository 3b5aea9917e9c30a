import { z } from 'zod';
import type { SplitPlan } from '../../plan/plan.ts';
import { placeCase } from './case-side.ts';
import type { CaseRecord } from './run-record.ts';

const dice = z.number().min(0).max(1);
const volume = z.number().min(0);

const validationSchema = z.looseObject({
  schema: z.literal('glisson.validation/1'),
  bestEpoch: z.int(),
  liverDice: dice.nullable(),
  lesionDice: dice.nullable(),
  cases: z.array(z.object({ id: z.string(), liverDice: dice.nullable(), lesionDice: dice.nullable() })),
});

const regionSchema = z.object({ dice, iou: dice, referenceMl: volume, predictionMl: volume });

const evaluationSchema = z.looseObject({
  schema: z.literal('glisson.evaluation/1'),
  cases: z.array(z.object({ id: z.string(), liver: regionSchema, lesion: regionSchema })),
});

/** What evaluation.json says, of a training or of an evaluation. */
export type EvaluationFile =
  | ({ readonly kind: 'validation' } & z.infer<typeof validationSchema>)
  | ({ readonly kind: 'evaluation' } & z.infer<typeof evaluationSchema>);

/** Parses the text of evaluation.json. Throws an Error that says in words what is wrong with it. */
export function parseEvaluation(text: string): EvaluationFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('evaluation.json is no JSON');
  }
  const validation = validationSchema.safeParse(json);
  if (validation.success) return { kind: 'validation', ...validation.data };
  const evaluation = evaluationSchema.safeParse(json);
  if (evaluation.success) return { kind: 'evaluation', ...evaluation.data };
  throw new Error('evaluation.json is not what Glisson writes');
}

/** The scores by case, with side and patient by the split. */
export function casesOf(file: EvaluationFile, split: SplitPlan | null): CaseRecord[] {
  if (file.kind === 'validation') {
    return file.cases.map(({ id, liverDice, lesionDice }) => ({
      case: id,
      patient: placeCase(split, id).patient,
      side: 'validation',
      liverDice,
      lesionDice,
      liverIoU: iouOf(liverDice),
      lesionIoU: iouOf(lesionDice),
      liverMl: null,
      lesionMl: null,
      liverReferenceMl: null,
      lesionReferenceMl: null,
      grid: 'prepared',
    }));
  }
  return file.cases.map(({ id, liver, lesion }) => ({
    case: id,
    ...placeCase(split, id),
    liverDice: liver.dice,
    lesionDice: lesion.dice,
    liverIoU: liver.iou,
    lesionIoU: lesion.iou,
    liverMl: liver.predictionMl,
    lesionMl: lesion.predictionMl,
    liverReferenceMl: liver.referenceMl,
    lesionReferenceMl: lesion.referenceMl,
    grid: 'scan',
  }));
}

/** Of one case the two say the same: IoU = Dice / (2 - Dice). */
function iouOf(value: number | null): number | null {
  return value === null ? null : value / (2 - value);
}
