import { Option } from 'commander';
import { keyValue, positiveInteger, seedNumber } from '../options.ts';
import { commandLine } from '../terminal/command-line.ts';
import { formatDuration } from '../terminal/rate.ts';
import type { Display, Verb } from '../verb.ts';

interface TrainOptions {
  readonly data: string;
  readonly recipe?: string;
  readonly plan?: string;
  readonly out: string;
  readonly set?: Record<string, string>;
  readonly validation?: string[];
  readonly test?: string[];
  readonly folds?: string;
  readonly fold?: number;
  readonly innerValidation?: number;
  readonly seed?: number;
  readonly startSmall?: boolean;
  readonly watchTest?: boolean;
  readonly resume?: boolean;
  readonly force?: boolean;
}

export const train: Verb<TrainOptions> = {
  name: 'train',
  summary: 'Train a network on labelled scans; a run that was stopped can go on',
  description:
    'Patients, never slices, are split into training, validation and test. The best checkpoint is chosen on ' +
    'the validation patients; test patients are not touched. Every choice is written to plan.json in the run.',
  options: [
    new Option('--data <folder>', 'labelled scans in a layout that inspect knows').makeOptionMandatory(),
    new Option('--out <run>', 'folder of the run').makeOptionMandatory(),
    new Option('--recipe <name>', 'where the plan starts from (default: unet-2d)'),
    new Option('--plan <file>', 'train by the plan.json of a run or of the winner of a sweep').conflicts(
      'recipe',
    ),
    new Option('--set <key=value>', 'change a choice of the plan; repeatable').argParser(keyValue),
    new Option(
      '--validation <patient...>',
      'patients that choose the checkpoint (default: drawn by the seed)',
    ),
    new Option('--test <patient...>', 'patients that are held out'),
    new Option('--fold <number>', 'hold out this fold of glisson folds, from 1: it validates').argParser(
      positiveInteger,
    ),
    new Option('--folds <file>', 'where the folds are (default: DATA.folds.json beside the data)'),
    new Option(
      '--inner-validation <patients>',
      'the fold tests, and so many patients drawn from the others validate',
    ).argParser(positiveInteger),
    new Option('--seed <number>', 'of split, weights, sampling and augmentation').argParser(seedNumber),
    new Option(
      '--start-small',
      'a few slices of each patient to train, one slice of others to validate, minutes (recipes of patches)',
    ),
    new Option(
      '--watch-test',
      'also score the held-out patients after each epoch: a curve for the eye, nothing is chosen by it',
    ),
    new Option('--resume', 'go on from the last checkpoint of the run'),
    new Option('--force', 'replace a run that is there'),
  ],
  examples: [
    {
      command: 'glisson train --data phantoms --out runs/first --set training.steps=300',
      meaning: 'a short first training',
    },
    {
      command:
        'glisson train --data liver --recipe unet-2d --out runs/liver --validation E --test F --seed 3',
      meaning: 'patients chosen by hand',
    },
    {
      command: 'glisson train --data liver --fold 2 --out runs/fold-2',
      meaning: 'the second of the folds that glisson folds made validates',
    },
    {
      command: 'glisson train --data liver --recipe patch-small --out runs/patches --start-small',
      meaning: 'a classifier of patches, on a few slices first',
    },
    {
      command: 'glisson train --data phantoms --plan runs/first/plan.json --out runs/second --seed 2',
      meaning: 'the choices of another run, with another seed',
    },
    {
      command: 'glisson train --data phantoms --out runs/first --resume',
      meaning: 'go on after Ctrl-C or a power cut',
    },
  ],
  async run(_args, options, { control, threads, note, display }) {
    const { trainRun } = await import('@glisson/pipeline/train/train-run');
    control.signal?.addEventListener('abort', () => note('The same command with --resume goes on later.'));
    const onCurve = display && (await curveOn(display));
    const summary = await trainRun({ ...options, threads, command: commandLine(), onCurve }, control);
    for (const { severity, message, where } of summary.findings) {
      if (severity !== 'info') note(`${severity}: ${message}${where === undefined ? '' : ` (${where})`}`);
    }
    const dice = (value: number | null) => (value === null ? 'none' : value.toFixed(3));
    const { liverDice, lesionDice } = summary.validation;
    const lines = [
      `Trained ${summary.steps} steps in ${formatDuration(summary.seconds)}: ${summary.run}`,
      `Best after step ${summary.bestStep} (epoch ${summary.bestEpoch}).`,
      `Dice on validation: liver ${dice(liverDice)}, lesions ${dice(lesionDice)}.`,
      `Next: glisson segment SCAN --out RESULT --model ${options.out}`,
    ];
    return { json: summary, text: lines.join('\n') };
  },
};

/** Rows of the chart that grows while training runs. */
const chartRows = 6;

/** Draws the course of a training on a display, after each epoch from the second on. */
async function curveOn(display: Display) {
  const { textCurves } = await import('@glisson/pipeline/experiments/curves/text-curves');
  return (curve: Parameters<typeof textCurves>[0]) =>
    display.show(textCurves(curve, { width: display.columns, height: chartRows, colour: display.colour }));
}
