import { PipelineError } from '../../errors/pipeline-error.ts';
import { nearestName } from '../../plan/nearest-name.ts';

/** Short names of the fields that are asked for most. Dice are those of validation: what anything is chosen by. */
export const shortNames: Readonly<Record<string, string>> = {
  lr: 'training.optimiser.learningRate',
  learningRate: 'training.optimiser.learningRate',
  l2: 'training.optimiser.weightDecay',
  weightDecay: 'training.optimiser.weightDecay',
  dropout: 'network.dropout',
  family: 'network.family',
  steps: 'training.steps',
  batch: 'training.batchSize',
  patch: 'training.patchSize',
  frozen: 'training.transfer.frozen',
  spacing: 'preprocess.spacingMm',
  window: 'preprocess.windowHU',
  dice: 'validationLesionDice',
  lesionDice: 'validationLesionDice',
  liverDice: 'validationLiverDice',
  score: 'validationScore',
  testDice: 'testLesionDice',
  commit: 'gitCommit',
  folds: 'foldsHash',
};

/** Fields that every run may have, whether or not one in the store has. */
export const runFields = [
  ...['id', 'folder', 'kind', 'state', 'damage', 'error', 'command', 'recipe', 'seed', 'started', 'ended'],
  ...['seconds', 'coreSeconds', 'gitCommit', 'planHash', 'modelHash', 'dataHash', 'foldsHash', 'weights'],
  ...[
    'weights.file',
    'weights.sha256',
    'sweep',
    'trial',
    'evaluates',
    'stepsDone',
    'epochs',
    'bestEpoch',
    'bestStep',
  ],
  ...['validationLiverDice', 'validationLesionDice', 'validationScore', 'validationSlices'],
  ...['testLiverDice', 'testLesionDice', 'testLiverIoU', 'testLesionIoU', 'testCases'],
  ...['evaluatedLiverDice', 'evaluatedLesionDice', 'evaluatedCases'],
] as const;

/**
 * The full name of a field: itself, a short name, or the end of one name only (`optimiser.learningRate`).
 * @param known names that runs of the store have
 * @param others further names that are no mistake though no run has them; asked only when `known` does not help
 * @throws PipelineError `option-invalid` with the nearest known name, or with the names that it may mean
 */
export function fullFieldName(
  name: string,
  known: ReadonlySet<string>,
  others: () => readonly string[],
  where: string,
): string {
  if (known.has(name) || (runFields as readonly string[]).includes(name)) return name;
  if (Object.hasOwn(shortNames, name)) return shortNames[name]!;
  const all = [...new Set([...known, ...others()])];
  if (all.includes(name)) return name;
  const ends = all.filter((field) => field.endsWith(`.${name}`));
  if (ends.length === 1) return ends[0]!;
  if (ends.length > 1) {
    throw new PipelineError('option-invalid', `Several fields end in ${name}.`, {
      where,
      found: ends.slice(0, 6).join(', '),
      advice: 'Write the whole name of one of them.',
    });
  }
  const near = nearestName(name, [...Object.keys(shortNames), ...runFields, ...all]);
  throw new PipelineError('option-invalid', `There is no field ${name}.`, {
    where,
    expected: `a short name (${Object.keys(shortNames).slice(0, 8).join(', ')} …), a field of runs, or one of the plan by its dotted name`,
    advice: near === undefined ? 'glisson runs show RUN lists the fields of a run.' : `Did you mean ${near}?`,
  });
}
