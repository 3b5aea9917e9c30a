import type { SweepSummary } from '@glisson/pipeline/experiments/sweep/run-sweep';
import { Option } from 'commander';
import { positiveInteger } from '../options.ts';
import { type BudgetOption, budget } from '../sweep/budget-option.ts';
import { commandLine } from '../terminal/command-line.ts';
import { formatDuration } from '../terminal/rate.ts';
import { renderTable } from '../terminal/table.ts';
import type { Verb, VerbContext, VerbResult } from '../verb.ts';

interface SweepOptions {
  readonly out?: string;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly data?: string;
  readonly workers?: number;
  readonly budget?: BudgetOption;
}

export const sweep: Verb<SweepOptions> = {
  name: 'sweep',
  arguments: '<spec>',
  summary: 'Try many plans, stop poor ones early, rank them, and score the winner on test patients',
  description:
    'The file says what is varied, how it is sampled, and for how long (docs/reference/sweep-file.md). Each trial is an ' +
    'ordinary run in trials/0001 and so on. All choices are made on validation patients; test patients are shown to the ' +
    'winner alone, once. Ends with ranking.json, report.html and winner/plan.json.',
  options: [
    new Option('--out <folder>', 'folder of the sweep'),
    new Option('--dry-run', 'check everything, list the trials, train nothing'),
    new Option(
      '--resume',
      'go on with a sweep that was stopped: nothing is lost but the epoch that was under way',
    ),
    new Option('--force', 'replace a sweep that is there'),
    new Option('--data <folder>', 'labelled scans, instead of those that the file names'),
    new Option('--workers <number>', 'trials at a time; with 1 the sweep is reproducible').argParser(
      positiveInteger,
    ),
    new Option('--budget <trials|minutes>', '40, 90m or 40,90m, instead of what the file says').argParser(
      budget,
    ),
  ],
  examples: [
    {
      command: 'glisson sweep examples/sweeps/patch-phantom.yaml --dry-run',
      meaning: 'what would be tried (glisson phantom phantoms --patients 6 --seed 3 makes the scans)',
    },
    {
      command: 'glisson sweep examples/sweeps/patch-phantom.yaml --out runs/phantom-sweep',
      meaning: 'the whole sweep, about two minutes',
    },
    {
      command:
        'glisson sweep examples/sweeps/patch-phantom.yaml --out runs/phantom-sweep --resume --budget 20',
      meaning: 'go on after Ctrl-C or a power cut, or until there are 20 trials',
    },
    {
      command: 'glisson train --data phantoms --plan runs/phantom-sweep/winner/plan.json --out runs/winner',
      meaning: 'train the winner',
    },
  ],
  async run([spec], options, context) {
    return options.dryRun ? outline(spec!, options, context) : run(spec!, options, context);
  },
};

async function outline(spec: string, options: SweepOptions, { control }: VerbContext): Promise<VerbResult> {
  const { outlineSweep } = await import('@glisson/pipeline/experiments/sweep/plan-sweep');
  const found = await outlineSweep({ ...options, spec }, control);
  const { trials, planned, fields, checked } = found;
  const titles = await titlesOf(fields);
  const varied = fields.filter((field) => field !== 'recipe');
  const rows = trials.map(({ trial, recipe, weights, settings }) => [
    String(trial),
    recipe,
    weights,
    ...varied.map((field) => String(settings[field] ?? '')),
  ]);
  const header = ['trial', 'recipe', 'first weights', ...varied.map((field) => titles.get(field)!)];
  const more =
    planned === undefined
      ? 'As many trials as the minutes allow; these come first.'
      : planned > trials.length
        ? `${planned} trials; the ${planned - trials.length} after these are chosen by the results of those before.`
        : `${planned} trials.`;
  const text = [
    rows.length === 0 ? '' : renderTable(header, rows),
    '',
    `${more} ${checked} plans were checked; nothing was trained.`,
  ];
  return { json: found, text: text.join('\n') };
}

async function run(spec: string, options: SweepOptions, context: VerbContext): Promise<VerbResult> {
  const { control, note } = context;
  if (options.out === undefined) {
    const { UsageError } = await import('../terminal/error-report.ts');
    throw new UsageError('--out is missing: the folder of the sweep (or --dry-run, which writes nothing).');
  }
  const { runSweep } = await import('@glisson/pipeline/experiments/sweep/run-sweep');
  const { createSweepDisplay } = await import('../sweep/watch-sweep.ts');
  control.signal?.addEventListener('abort', () => note('The same command with --resume goes on later.'));
  const isQuiet = control.onProgress === undefined;
  const display = createSweepDisplay(process.stderr, () => note('Trials:'));
  const summary = await runSweep(
    {
      ...options,
      spec,
      out: options.out,
      command: commandLine(),
      ...(!isQuiet && { watch: display.watch }),
    },
    control,
  ).finally(() => display.finish());
  const { shortOfBaselines } = await import('@glisson/pipeline/experiments/sweep/outcome/short-of-baselines');
  for (const text of [...summary.notes, ...shortOfBaselines(summary.result)]) note(text);
  const fields = variedFields(summary.result.trials);
  return { json: summary, text: sweepText(summary, await titlesOf(fields)) };
}

/** Fields that had more than one setting. */
function variedFields(trials: SweepSummary['result']['trials']): string[] {
  const fields = [...new Set(trials.flatMap(({ settings }) => Object.keys(settings)))];
  const settingsOf = (field: string) => new Set(trials.flatMap(({ settings }) => settings[field] ?? []));
  return fields.filter((field) => settingsOf(field).size > 1);
}

/** Fields that were varied, with the titles that plots and report give them. */
async function titlesOf(fields: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { titleOf } = await import('@glisson/pipeline/experiments/sweep/outcome/columns');
  return new Map(fields.map((field) => [field, titleOf(field, fields)]));
}

const dice = (value: number | null) => (value === null ? '–' : value.toFixed(3));

/** Rows of the ranking that are printed; the report has all. */
const shownRows = 12;

function sweepText(
  { result, seconds, report, winnerPlan }: SweepSummary,
  titles: ReadonlyMap<string, string>,
): string {
  const { trials, baselines, winner, test, chosenOn, importance } = result;
  const fields = [...titles.keys()].filter((field) => field !== 'recipe');
  const blank = fields.map(() => '');
  const rows = [
    ...trials
      .slice(0, shownRows)
      .map((trial) => [
        trial.rank === null ? '–' : String(trial.rank),
        String(trial.trial),
        trial.recipe,
        trial.weights,
        ...fields.map((field) => String(trial.settings[field] ?? '')),
        dice(trial.lesionDice),
        trial.state,
      ]),
    ...baselines.map(({ name, lesionDice }) => ['', '', name, '', ...blank, dice(lesionDice), 'baseline']),
  ];
  const header = [
    'rank',
    'trial',
    'recipe',
    'first weights',
    ...fields.map((field) => titles.get(field)!),
    'lesion Dice',
    'state',
  ];
  const failed = trials.filter(({ state }) => state === 'failed').length;
  const hidden = trials.length - Math.min(trials.length, shownRows);
  const lines = [
    renderTable(header, rows),
    ...(hidden > 0 ? [`… and ${hidden} others in the report.`] : []),
    '',
    `${trials.length} trials in ${formatDuration(seconds)}${failed > 0 ? `, ${failed} of them failed` : ''}. Ranked on the validation patients only (${chosenOn.join(', ')}): the best of many looks better there than it is.`,
  ];
  if (importance !== null) {
    const shares = importance.fields
      .slice(0, 5)
      .map(({ field, share }) => `${titles.get(field)} ${(share * 100).toFixed(0)} %`);
    lines.push(
      `What mattered (${importance.method}, which explains ${(Math.max(0, importance.explained) * 100).toFixed(0)} % of the differences): ${shares.join(', ')}.`,
    );
  }
  if (test !== null) {
    const bases = test.baselines.map(({ name, lesionDice }) => `${name} ${dice(lesionDice)}`);
    lines.push(
      `The winner, trial ${winner}, on the test patients (${test.patients.join(', ')}), whole scans: lesion Dice ${dice(test.lesionDice)}. Baselines: ${bases.join(', ')}.`,
    );
  }
  lines.push(`Report: ${report}`);
  if (winnerPlan !== null) lines.push(`Next: glisson train --data DATA --plan ${winnerPlan} --out RUN`);
  return lines.join('\n');
}
