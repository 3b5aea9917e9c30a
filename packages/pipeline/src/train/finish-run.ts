import { createHash } from 'node:crypto';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { runCurveSvg } from '../experiments/curves/run-curve-svg.ts';
import { planHash, planText } from '../plan/plan-text.ts';
import type { FieldValues } from '../plan/set-fields.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Run } from './run.ts';

/** Goes back to the best checkpoint, chooses the thresholds unless they were set, and writes the model. */
export async function finishRun(run: Run, set: FieldValues, control: TaskControl) {
  const { paths, family, trainer } = run;
  const { state, progress } = await readCheckpoint(paths.best);
  await trainer.restore(state);
  const { plan, thresholds, validation, exportModel } = await family.finish(run, set, control);

  const text = planText(plan);
  const model = await exportModel(text);
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
  await writeFileWhole(paths.curve, runCurveSvg(run.metrics.all(), plan.training));
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
