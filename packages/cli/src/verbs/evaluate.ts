import { join } from 'node:path';
import { Option } from 'commander';
import { commandLine } from '../terminal/command-line.ts';
import { UsageError } from '../terminal/error-report.ts';
import type { Verb } from '../verb.ts';

interface EvaluateOptions {
  readonly reference: string;
  readonly prediction: string;
  readonly of?: string;
  readonly out?: string;
  readonly runs?: string;
  readonly force?: boolean;
  readonly log: boolean;
}

export const evaluate: Verb<EvaluateOptions> = {
  name: 'evaluate',
  summary: 'Score masks against the truth: Dice, IoU and volumes of liver and lesions',
  description:
    'Takes two labelmaps or two folders of them. Liver is every label from 1, lesion is label 2. ' +
    'Where reference and prediction are both empty, Dice is 1; where only one is, it is 0. ' +
    'The scores are kept as a run of their own, for glisson runs: beside the run whose model made the predictions when ' +
    '--of names it or when they lie as segment wrote them.',
  options: [
    new Option('--reference <path>', 'labelmap or folder that is right').makeOptionMandatory(),
    new Option('--prediction <path>', 'labelmap or folder to score').makeOptionMandatory(),
    new Option('--of <run>', 'the training run whose model made the predictions'),
    new Option('--out <folder>', 'where the scores are kept (default: a new folder among the runs)'),
    new Option('--runs <folder>', 'folder of all runs').env('GLISSON_RUNS').default('runs'),
    new Option('--force', 'replace an evaluation that is there'),
    new Option('--no-log', 'do not keep the scores'),
  ],
  examples: [
    {
      command: 'glisson evaluate --reference truth.nii.gz --prediction result/labels.nii.gz',
      meaning: 'one pair',
    },
    {
      command: 'glisson evaluate --reference phantoms --prediction results --of runs/first',
      meaning: 'two folders; the scores of held-out patients appear beside runs/first',
    },
    {
      command: 'glisson evaluate --reference phantoms --prediction results --json --no-log',
      meaning: 'for a program, nothing is kept',
    },
  ],
  async run(_args, options, { control, note }) {
    const { reference, prediction, of, log, force } = options;
    const { storeFolder } = await import('@glisson/pipeline/experiments/store/store-folder');
    const { evaluationText } = await import('@glisson/pipeline/evaluate/evaluation-text');
    if (!log && (of !== undefined || options.out !== undefined)) {
      throw new UsageError(`--no-log does not go with --${of === undefined ? 'out' : 'of'}.`);
    }
    const isKept = log && (options.out !== undefined || (await mayWrite(storeFolder(options.runs))));
    if (log && !isKept) note('warning: the folder of runs cannot be written: the scores are not kept.');
    if (!isKept) {
      const { evaluatePaths } = await import('@glisson/pipeline/evaluate/evaluate-pairs');
      return resultOf(await evaluatePaths(reference, prediction, control));
    }
    const { evaluateRun, newEvaluationName } = await import(
      '@glisson/pipeline/experiments/evaluation/evaluate-run'
    );
    const out = options.out ?? join(storeFolder(options.runs), newEvaluationName());
    const evaluation = await evaluateRun(
      { reference, prediction, out, command: commandLine(), ...(of && { of }), ...(force && { force }) },
      control,
    );
    note(`Kept in ${out}`);
    const { readRun } = await import('@glisson/pipeline/experiments/record/read-run');
    const kept = await readRun(out);
    const strangers = kept.cases.filter(({ side }) => side === 'unknown').map((one) => one.case);
    if (kept.evaluates !== null && strangers.length > 0) {
      note(
        `warning: not in the split of the run whose model this is, so these scores are no test of it: ${strangers.join(', ')}`,
      );
    }
    return resultOf(evaluation, out);

    function resultOf(scores: typeof evaluation, run?: string) {
      return {
        json: { ...scores, ...(run !== undefined && { run }) },
        text: evaluationText(scores),
        exitCode: scores.problems.length > 0 ? 1 : 0,
      };
    }
  },
};

async function mayWrite(folder: string): Promise<boolean> {
  const { assertWritable } = await import('@glisson/imaging/files/assert-writable');
  return assertWritable(folder).then(
    () => true,
    () => false,
  );
}
