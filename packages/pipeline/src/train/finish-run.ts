import { createHash } from 'node:crypto';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Plan } from '../plan/plan.ts';
import { planHash, planText } from '../plan/plan-text.ts';
import type { FieldValues } from '../plan/set-fields.ts';
import { readCheckpoint } from './checkpoint.ts';
import { chooseThreshold } from './choose-threshold.ts';
import { curveSvg } from './curve-svg.ts';
import { diceOf, type Run, withPredictor } from './run.ts';
import { lesionsInLiver, type ProbabilityCounts, scoreSlices, slicesOfCases } from './score-slices.ts';

/** Goes back to the best checkpoint, chooses the thresholds unless they were set, and writes the model. */
export async function finishRun(run: Run, set: FieldValues, control: TaskControl) {
  const { paths, sides, trainer } = run;
  const { state, progress } = await readCheckpoint(paths.best);
  await trainer.restore(state);
  const everySlice = slicesOfCases(sides.validation, Number.POSITIVE_INFINITY);
  const counts = await withPredictor(run, control, (predictor) =>
    scoreSlices(predictor, sides.validation, everySlice, run.plan, 'choose thresholds', control),
  );
  const planned = run.plan.postprocess;
  const choose = (name: 'liverThreshold' | 'lesionThreshold', cases: readonly ProbabilityCounts[]) =>
    set.has(`postprocess.${name}`) ? planned[name] : chooseThreshold(cases, planned[name]).threshold;
  const liverThreshold = choose(
    'liverThreshold',
    counts.map((c) => c.liver),
  );
  const lesionThreshold = choose(
    'lesionThreshold',
    counts.map((c) => lesionsInLiver(c, liverThreshold)),
  );
  const thresholds = { liverThreshold, lesionThreshold };
  const plan: Plan = { ...run.plan, postprocess: { ...run.plan.postprocess, ...thresholds } };
  const validation = {
    ...diceOf(counts, thresholds),
    cases: counts.map((c) => ({ id: c.id, ...diceOf([c], thresholds) })),
  };

  const text = planText(plan);
  const averaged = plan.training.weightAverageDecay > 0;
  const model = await trainer.exportModel({ averaged, metadata: { 'glisson.plan': text } });
  const best = progress.best!;
  const evaluation = {
    schema: 'glisson.validation/1',
    grid: 'prepared',
    slices: 'all',
    ...thresholds,
    bestEpoch: best.epoch,
    ...validation,
  };
  await writeFileWhole(paths.evaluation, `${JSON.stringify(evaluation, null, 2)}\n`);
  await writeFileWhole(paths.curve, curveSvg(run.metrics.all(), plan.training.steps));
  await writeFileWhole(paths.model, model);
  await writeFileWhole(paths.plan, text);
  const modelHash = createHash('sha256').update(model).digest('hex');
  return {
    plan,
    planHash: planHash(plan),
    modelHash,
    bestEpoch: best.epoch,
    bestStep: best.step,
    validation,
  };
}
