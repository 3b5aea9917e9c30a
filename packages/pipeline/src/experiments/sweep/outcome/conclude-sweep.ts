import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { parsePlanText } from '../../../plan/read-plan.ts';
import { runPaths } from '../../../train/run-folder.ts';
import type { Decision } from '../decisions.ts';
import { parallelSvg } from '../plots/parallel-svg.ts';
import { scatterSvg } from '../plots/scatter-svg.ts';
import type { TrialPoint } from '../plots/trial-point.ts';
import type { PreparedSweep } from '../prepare-sweep.ts';
import type { Point } from '../space/dimension.ts';
import { type SweepSpec, spaceOf } from '../spec/sweep-spec.ts';
import type { SweepPaths } from '../sweep-folder.ts';
import { validationBaselines } from './baselines.ts';
import { columnsOf, featuresOf } from './columns.ts';
import { firstWeights } from './first-weights.ts';
import { importanceOf } from './importance.ts';
import { objectiveNames, type RankedTrial, rankTrials } from './ranking.ts';
import { renderSweepReport } from './report-html.ts';
import { scoreWinner, type WinnerTest } from './score-winner.ts';
import type { SweepResult } from './sweep-result.ts';

export interface ConcludingSweep {
  readonly spec: SweepSpec;
  readonly paths: SweepPaths;
  readonly cache: string;
  readonly decisions: readonly Decision[];
  readonly prepared: PreparedSweep;
  readonly notes: readonly string[];
  /** For scoring the winner. */
  readonly threads: number;
}

/** Ranks the trials, scores the winner on the test patients (once), and writes ranking, plots, report and the winner's plan. */
export async function concludeSweep(sweep: ConcludingSweep, control: TaskControl): Promise<SweepResult> {
  const { spec, paths, cache, decisions, prepared, notes } = sweep;
  const space = spaceOf(spec);
  const origins = new Map<Point, string>();
  for (const line of decisions) {
    if (line.kind !== 'trial') continue;
    const { point } = line;
    origins.set(point, await firstWeights(spec, space, point, await prepared.planAt(point)));
  }
  const trials = rankTrials(spec, decisions, (point) => origins.get(point)!);
  const ranked = trials.filter(
    (trial): trial is RankedTrial & { objective: number } => trial.objective !== null,
  );
  const winner = ranked[0]?.trial ?? null;
  const winnerRun = winner === null ? undefined : runPaths(paths.trial(winner));
  const winnerText = winnerRun && (await readFile(winnerRun.plan, 'utf8'));
  const baselines =
    winnerText === undefined
      ? []
      : await validationBaselines(prepared.data, parsePlanText(winnerText, winnerRun!.plan), cache, control);

  const pointOf = new Map(
    decisions.flatMap((d) => (d.kind === 'trial' ? [[d.trial, d.point] as const] : [])),
  );
  const importance = importanceOf(
    featuresOf(
      space,
      ranked.map(({ trial }) => pointOf.get(trial)!),
    ),
    ranked.map(({ objective }) => objective),
    spec.sampler.seed,
  );
  if (winnerText !== undefined) await writeFileWhole(paths.winnerPlan, winnerText);
  const test = winner === null ? null : await testWinner(winner, sweep, control);
  const result: SweepResult = {
    schema: 'glisson.ranking/1',
    sweep: spec.name,
    objective: spec.objective,
    chosenOn: spec.split.validation,
    trials,
    baselines,
    importance,
    winner,
    test,
  };

  const columns = columnsOf(space);
  const name = objectiveNames[spec.objective];
  const points = ranked.map(
    ({ trial, objective, state, settings }): TrialPoint => ({
      trial,
      objective,
      isStopped: state === 'stopped early',
      isWinner: trial === winner,
      settings,
    }),
  );
  const isDrawn = points.length > 0 && columns.length > 0;
  const plots = {
    parallelSvg: isDrawn ? parallelSvg(columns, points, name) : '',
    scatterSvg: isDrawn ? scatterSvg(columns, points, name) : '',
  };
  if (isDrawn) {
    await writeFileWhole(paths.parallel, plots.parallelSvg);
    await writeFileWhole(paths.scatter, plots.scatterSvg);
  }
  await writeFileWhole(
    paths.report,
    renderSweepReport({ result, columns, ...plots, setting: settingOf(spec), notes }),
  );
  await writeFileWhole(paths.ranking, `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** The winner's scores on the test patients: those that are written, or new ones. */
async function testWinner(
  winner: number,
  { spec, paths, prepared, threads }: ConcludingSweep,
  control: TaskControl,
): Promise<WinnerTest | null> {
  const patients = spec.split.test;
  if (patients.length === 0) return null;
  const file = paths.winnerTest;
  const before = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as WinnerTest) : undefined;
  if (before?.trial === winner) return before;
  const earlier = before ? [...before.earlier, { trial: before.trial, lesionDice: before.lesionDice }] : [];
  const options = { threads, earlier };
  const test = await scoreWinner(winner, paths.trial(winner), prepared.data, patients, options, control);
  await writeFileWhole(file, `${JSON.stringify(test, null, 2)}\n`);
  return test;
}

function settingOf(spec: SweepSpec): [string, string][] {
  const { sampler, stopping, budget, threads, split } = spec;
  const limits = [
    budget.trials === undefined ? undefined : `${budget.trials} trials`,
    budget.minutes === undefined ? undefined : `${budget.minutes} minutes`,
  ].filter((part) => part !== undefined);
  return [
    ['Sampler', `${sampler.name}, seed ${sampler.seed}`],
    ['Budget', limits.length === 0 ? 'the whole grid' : limits.join(', ')],
    [
      'Early stopping',
      stopping === null
        ? 'none'
        : `ASHA: after epoch ${stopping.minEpochs}, ${stopping.minEpochs * stopping.factor} and so on, the best of ${stopping.factor} goes on`,
    ],
    ['Validation patients', split.validation.join(', ')],
    ['Test patients', split.test.join(', ') || 'none'],
    ['Threads of a trial', String(threads)],
    ...Object.entries(spec.set).map(([name, value]): [string, string] => [name, JSON.stringify(value)]),
  ];
}
