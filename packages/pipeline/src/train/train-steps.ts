import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { NetworkError } from '@glisson/nn/errors/network-error';
import type { Trainer } from '@glisson/nn/training/trainer';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import { type Batch, createBatch, describeBatch } from './batch.ts';
import type { CaseIndex } from './case-index.ts';
import { type TrainProgress, writeCheckpoint } from './checkpoint.ts';
import { curveSvg } from './curve-svg.ts';
import { diceOf, type Run, round, withPredictor } from './run.ts';
import { writeLog } from './run-folder.ts';
import { learningRateAt } from './schedule.ts';
import { meanOf, scoreSlices, slicesOfCases } from './score-slices.ts';

/** Steps that a line of metrics.jsonl averages. */
const stepsPerLine = 10;

/** The loop: the engine computes a step in its own thread while the next batch is cut here. */
export async function trainSteps(run: Run, begin: TrainProgress, control: TaskControl): Promise<void> {
  const { plan, paths, trainer, metrics, cases } = run;
  const { training } = plan;
  let { best, pending } = begin;
  let lastScore = '';
  let batch = begin.step < training.steps ? createBatch(cases, plan, begin.step) : undefined;

  for (let step = begin.step; step < training.steps; step++) {
    control.signal?.throwIfAborted();
    const learningRate = learningRateAt(training, step);
    const { result, next } = await stepAndPrefetch(trainer, batch!, learningRate, cases, plan, step + 1);
    batch = next;
    const done = step + 1;

    const { crossEntropy: ofBatch, dice } = result.parts;
    const sums = [result.loss, ...ofBatch!, ...dice!];
    pending = {
      steps: pending.steps + 1,
      sums: sums.map((value, i) => (pending.sums[i] ?? 0) + value),
    };
    if (done % stepsPerLine === 0 || done === training.steps) {
      const [loss, crossEntropy, ...softDice] = pending.sums.map((sum) => round(sum / pending.steps));
      await metrics.add({
        kind: 'steps',
        step: done,
        loss: loss!,
        crossEntropy: crossEntropy!,
        softDice,
        learningRate,
      });
      pending = { steps: 0, sums: [] };
    }
    control.onProgress?.({
      stage: 'train',
      done,
      total: training.steps,
      unit: 'steps',
      note: `loss ${result.loss.toFixed(3)}${lastScore}`,
    });

    const epochEnds = done % training.stepsPerEpoch === 0 || done === training.steps;
    if (epochEnds) {
      const epoch = Math.ceil(done / training.stepsPerEpoch);
      const scores = await validate(run, epoch, done, control);
      const isBest = best === null || scores.score > best.score;
      if (isBest) best = { epoch, step: done, score: scores.score };
      await metrics.add({ kind: 'epoch', epoch, step: done, ...scores, best: isBest });
      lastScore = `, Dice liver ${shown(scores.liverDice)}, lesion ${shown(scores.lesionDice)}`;
      await writeFileWhole(paths.curve, curveSvg(metrics.all(), training.steps));
      await writeLog(paths, 'epoch', { epoch, step: done, ...scores });
    }
    if (epochEnds || done % run.every === 0) {
      const progress = { planHash: begin.planHash, step: done, best, metrics: [...metrics.lines], pending };
      const state = await trainer.snapshot();
      // Best first: a kill between the two repeats the steps since `last`, and writes the same `best` again.
      if (best?.step === done) await writeCheckpoint(paths.best, state, progress);
      await writeCheckpoint(paths.last, state, progress);
    }
  }
}

async function stepAndPrefetch(
  trainer: Trainer,
  batch: Batch,
  learningRate: number,
  cases: readonly CaseIndex[],
  plan: Plan,
  nextStep: number,
) {
  const running = trainer.step({ ...batch, learningRate });
  // Should the next batch fail, the step's own outcome must not go unhandled.
  running.catch(() => {});
  const next = nextStep < plan.training.steps ? createBatch(cases, plan, nextStep) : undefined;
  try {
    return { result: await running, next };
  } catch (error) {
    if (!(error instanceof NetworkError && error.code === 'not-finite')) throw error;
    throw diverged(nextStep, describeBatch(cases, plan, nextStep - 1), error);
  }
}

function diverged(step: number, batch: readonly string[], cause: NetworkError): PipelineError {
  return new PipelineError('training-failed', 'Training has diverged: the loss is no longer a number.', {
    where: `step ${step}, with patches of ${batch.join(', ')}`,
    found: cause.message,
    expected: 'a finite loss',
    advice:
      'Start again with a smaller training.optimiser.learningRate (a tenth, say) or more training.schedule.warmupSteps. ' +
      'The last checkpoint, from before this step, is kept.',
    cause,
  });
}

function shown(dice: number | null): string {
  return dice === null ? 'none' : dice.toFixed(3);
}

/**
 * Dice after an epoch: mean over validation cases, on slices spread evenly over them, at the plan's thresholds.
 * It reports as part of the stage `train`, so that rate and time left count it in.
 */
async function validate(run: Run, epoch: number, step: number, control: TaskControl) {
  const { plan, sides } = run;
  const inner: TaskControl = {
    signal: control.signal,
    onProgress: ({ done, total }) =>
      control.onProgress?.({
        stage: 'train',
        done: step,
        total: plan.training.steps,
        unit: 'steps',
        note: `epoch ${epoch}: scoring slice ${done} of ${total}`,
      }),
  };
  const slices = slicesOfCases(sides.validation, plan.training.validationSlices);
  const counts = await withPredictor(run, control, (predictor) =>
    scoreSlices(predictor, sides.validation, slices, plan, 'validate', inner),
  );
  const dice = diceOf(counts, plan.postprocess);
  return { ...dice, score: round(meanOf([dice.liverDice, dice.lesionDice]) ?? 0) };
}
