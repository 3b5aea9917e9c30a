import { InvalidArgumentError, Option } from 'commander';
import { positiveInteger, seedNumber } from '../options.ts';
import type { CurveOptions } from '../runs/curve-action.ts';
import type { ExportOptions } from '../runs/export-runs.ts';
import { UsageError } from '../terminal/error-report.ts';
import type { Verb, VerbContext, VerbResult } from '../verb.ts';

interface RunsOptions extends ExportOptions, Omit<CurveOptions, 'runs'> {
  readonly runs: string;
  readonly where?: string;
  readonly sort?: string;
  readonly limit?: number | 'all';
  readonly columns?: readonly string[];
  readonly thorough?: boolean;
  readonly seed?: number;
  readonly keepBest?: number;
  readonly failed?: boolean;
  readonly checkpoints?: boolean;
  readonly yes?: boolean;
}

interface Action {
  /** Fewest and most RUNs that it takes. */
  readonly takes: readonly [number, number];
  /** Options that go with it besides --runs. */
  readonly options: readonly (keyof RunsOptions)[];
  run(names: readonly string[], options: RunsOptions, context: VerbContext): Promise<VerbResult>;
}

/** Each action loads its code when it runs. */
const actions: Readonly<Record<string, Action>> = {
  list: {
    takes: [0, 0],
    options: ['where', 'sort', 'limit', 'columns'],
    run: async (_names, options, context) =>
      (await import('../runs/list-runs.ts')).listAction(options, context),
  },
  show: {
    takes: [1, 1],
    options: [],
    run: async ([name], options, context) =>
      (await import('../runs/show-run.ts')).showAction(name!, options, context),
  },
  compare: {
    takes: [2, Number.POSITIVE_INFINITY],
    options: ['seed'],
    run: async (given, options, context) =>
      (await import('../runs/compare-action.ts')).compareAction(given, options, context),
  },
  curve: {
    takes: [1, Number.POSITIVE_INFINITY],
    options: ['html', 'svg', 'force'],
    run: async (names, options, context) =>
      (await import('../runs/curve-action.ts')).curveAction(names, options, context),
  },
  export: {
    takes: [0, 0],
    options: ['where', 'sort', 'limit', 'format', 'table', 'out', 'experiment', 'withCases', 'force'],
    run: async (_names, options, context) =>
      (await import('../runs/export-action.ts')).exportAction(options, context),
  },
  prune: {
    takes: [0, Number.POSITIVE_INFINITY],
    options: ['where', 'keepBest', 'failed', 'checkpoints', 'yes'],
    run: async (given, options, context) =>
      (await import('../runs/prune-action.ts')).pruneAction(given, options, context),
  },
  rebuild: {
    takes: [0, 0],
    options: ['thorough'],
    run: async (_names, options, context) =>
      (await import('../runs/rebuild-index.ts')).rebuildAction(options, context),
  },
};

export const runs: Verb<RunsOptions> = {
  name: 'runs',
  arguments: '<action> [runs...]',
  summary: 'List, filter, show, compare, export and tidy up the runs of a folder',
  description:
    'list: the runs that match --where. show RUN: all that is known of one. compare RUN RUN ...: in what their plans differ, and ' +
    'their scores on the same cases with bootstrap intervals. prune: delete runs, or their checkpoints, after a list of them. ' +
    'curve RUN ...: loss and Dice over epochs, of runs over each other, and overfitting pointed out. ' +
    'export: for spreadsheets, TensorBoard, MLflow and papers. rebuild: read all folders anew. ' +
    'A RUN is a folder, as a path or relative to the folder of runs, or an id. The folders are the truth: the index beside them ' +
    'is brought up to date by each command and can be deleted at any time. "Best" is always by validation patients.',
  options: [
    new Option('--runs <folder>', 'folder of all runs').env('GLISSON_RUNS').default('runs'),
    new Option(
      '--where <condition>',
      'which runs: fields of run, result and plan with = != < <= > >= ~ (contains), in (a, b), and, or, not, none',
    ),
    new Option(
      '--sort <field>',
      'by which field; field:desc begins with the largest (default: the newest first)',
    ),
    new Option('--limit <number>', 'at most so many, or all (default of list: 50)').argParser(limit),
    new Option('--columns <names>', 'list: fields to show, with commas between').argParser(names),
    new Option('--seed <number>', 'compare: of the bootstrap (default: 1)').argParser(seedNumber),
    new Option(
      '--keep-best <number>',
      'prune: finished trainings but so many with the highest lesion Dice on validation patients',
    ).argParser(positiveInteger),
    new Option('--failed', 'prune: runs that failed'),
    new Option('--checkpoints', 'prune: only the checkpoints of finished trainings, which then cannot go on'),
    new Option('--yes', 'prune: delete what is listed'),
    new Option('--thorough', 'rebuild: hash models and other large files, too, to find edits'),
    new Option('--format <format>', 'export: what to write').choices([
      'csv',
      'xlsx',
      'json',
      'markdown',
      'tensorboard',
      'mlflow',
    ]),
    new Option('--table <table>', 'export: which table of a CSV (default: runs)').choices([
      'runs',
      'hyperparameters',
      'cases',
    ]),
    new Option(
      '--out <path>',
      'export: file or folder to write (default: runs.csv and the like), - for stdout',
    ),
    new Option(
      '--experiment <name>',
      'export: experiment of MLflow; MLFLOW_TRACKING_URI says on which server',
    ),
    new Option('--with-cases', 'export: send scores by case to MLflow, too, with names of patients'),
    new Option('--html <file>', 'curve: write a page with values under the pointer'),
    new Option('--svg <file>', 'curve: write a picture'),
    new Option('--force', 'curve, export: replace what is there'),
  ],
  examples: [
    { command: 'glisson runs list', meaning: 'the newest runs of ./runs' },
    {
      command: 'glisson runs list --where "recipe=patch-vgg16 and lr<1e-3" --sort dice:desc',
      meaning: 'some of them, the best on validation first',
    },
    {
      command: 'glisson runs list --where "state in (failed, damaged)" --columns state,error,damage',
      meaning: 'what went wrong',
    },
    { command: 'glisson runs show first', meaning: 'all of runs/first' },
    {
      command: 'glisson runs compare first second',
      meaning: 'plans and scores of two runs, case by case of the same patients',
    },
    {
      command: 'glisson runs prune --where "sweep!=none" --keep-best 3',
      meaning: 'what would go of all trials but the best three; --yes deletes it',
    },
    { command: 'glisson runs curve first', meaning: 'its loss and Dice, in the terminal' },
    {
      command: 'glisson runs curve first second --html curves.html',
      meaning: 'two runs over each other, as a page',
    },
    { command: 'glisson runs export --format xlsx --out runs.xlsx', meaning: 'the spreadsheet' },
    {
      command: 'glisson runs export --format markdown --where "kind=train" --out -',
      meaning: 'a table for a README',
    },
  ],
  async run([name, ...given], options, context) {
    const action = Object.hasOwn(actions, name!) ? actions[name!] : undefined;
    if (action === undefined) {
      throw new UsageError(`Expected ${Object.keys(actions).join(', ')} after runs, found '${name}'.`);
    }
    const isGiven = (key: keyof RunsOptions) => key !== 'runs' && options[key] !== undefined;
    const strange = (Object.keys(options) as (keyof RunsOptions)[]).find(
      (key) => ownOptions.has(key) && isGiven(key) && !action.options.includes(key),
    );
    if (strange !== undefined) throw new UsageError(`${flagOf(strange)} does not go with runs ${name}.`);
    const [fewest, most] = action.takes;
    if (given.length < fewest || given.length > most) {
      throw new UsageError(`runs ${name} takes ${countText(fewest, most)}, found ${given.length}.`);
    }
    return action.run(given, options, context);
  },
};

/** Options of this verb only: those that all verbs have go with every action. */
const ownOptions: ReadonlySet<string> = new Set(Object.values(actions).flatMap((action) => action.options));

function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function countText(fewest: number, most: number): string {
  if (most === 0) return 'no RUN';
  if (fewest === most) return `${fewest} RUN`;
  return most === Number.POSITIVE_INFINITY ? `${fewest} or more RUNs` : `${fewest} to ${most} RUNs`;
}

function limit(text: string): number | 'all' {
  return text === 'all' ? 'all' : positiveInteger(text);
}

function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.some((name) => name === '')) {
    throw new InvalidArgumentError('Expected names with commas between, for example lr,dice.');
  }
  return list;
}
