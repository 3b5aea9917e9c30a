import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { NetworkError } from '@glisson/nn/errors/network-error';
import type { Trainer } from '@glisson/nn/training/trainer';
import { PipelineError } from '../errors/pipeline-error.ts';
import { curveOf } from '../experiments/curves/run-curve.ts';
import { runCurveSvg } from '../experiments/curves/run-curve-svg.ts';
import { type TrainProgress, writeCheckpoint } from './checkpoint.ts';
import { epochTraining } from './epoch-training.ts';
import type { TrainingBatch, TrainingFamily } from './family.ts';
import type { EpochMetrics } from './metrics.ts';
import { type Run, round } from './run.ts';
import { writeLog } from './run-folder.ts';
import { learningRateAt } from './schedule.ts';

/** Steps that a line of metrics.jsonl averages; fewer at the end of an epoch, which it never crosses. */
const stepsPerLine = 10;

/**
 * The loop: the engine computes a step in its own thread while the next batch is cut here.
 * @returns steps done: those of the plan, or fewer when `run.goOn` ended it after an epoch
 */
export async function trainSteps(run: Run, begin: TrainProgress, control: TaskControl): Promise<number> {
  const { plan, family, paths, trainer, metrics } = run;
  const { training } = plan;
  const before = metrics.all().findLast((line): line is EpochMetrics => line.kind === 'epoch');
  if (before?.step === begin.step && (await endsAfter(run, before))) return begin.step;
  const showCurve = () => run.onCurve?.(curveOf('', metrics.all(), training));
  if (before !== undefined) showCurve();
  let { best, pending } = begin;
  let lastScore = '';
  let groups = JSON.stringify(family.groupsAt(begin.step));
  let batch = begin.step < training.steps ? family.createBatch(begin.step) : undefined;

  for (let step = begin.step; step < training.steps; step++) {
    control.signal?.throwIfAborted();
    const wanted = family.groupsAt(step);
    if (JSON.stringify(wanted) !== groups) {
      await trainer.regroup(wanted);
      groups = JSON.stringify(wanted);
    }
    const learningRate = learningRateAt(training, step);
    const after = step + 1 < training.steps ? step + 1 : undefined;
    const { result, next } = await stepAndPrefetch(trainer, batch!, learningRate, family, after, step + 1);
    batch = next;
    const done = step + 1;

    const sums = family.numbersOf(result);
    pending = {
      steps: pending.steps + 1,
      sums: sums.map((value, i) => (pending.sums[i] ?? 0) + value),
    };
    const epochEnds = done % training.stepsPerEpoch === 0 || done === training.steps;
    if (done % stepsPerLine === 0 || epochEnds) {
      const means = pending.sums.map((sum) => round(sum / pending.steps));
      await metrics.add(family.lineOf(done, means, learningRate));
      pending = { steps: 0, sums: [] };
    }
    control.onProgress?.({
      stage: 'train',
      done,
      total: training.steps,
      unit: 'steps',
      note: `loss ${result.loss.toFixed(3)}${lastScore}`,
    });

    let ended: EpochMetrics | undefined;
    if (epochEnds) {
      const epoch = Math.ceil(done / training.stepsPerEpoch);
      const scores = await validate(run, epoch, done, control);
      const isBest = best === null || scores.score > best.score;
      if (isBest) best = { epoch, step: done, score: scores.score };
      const trained = epochTraining(metrics.all());
      ended = { kind: 'epoch', epoch, step: done, ...trained, ...scores, best: isBest };
      await metrics.add(ended);
      if (run.watchTest) {
        const watched = await family.watch(run, scores, { signal: control.signal });
        await metrics.add({ kind: 'watched', epoch, step: done, ...watched });
      }
      lastScore = `, Dice liver ${shown(scores.liverDice)}, lesion ${shown(scores.lesionDice)}`;
      await writeFileWhole(paths.curve, runCurveSvg(metrics.all(), training));
      showCurve();
      await writeLog(paths, 'epoch', { epoch, step: done, ...trained, ...scores, ...run.usage() });
      if (after !== undefined && (await family.afterEpoch(run, epoch, control)))
        batch = family.createBatch(after);
    }
    if (epochEnds || done % run.every === 0) {
      const progress = {
        planHash: begin.planHash,
        step: done,
        best,
        metrics: [...metrics.lines],
        pending,
        ...(family.state !== undefined && { state: [...family.state] }),
      };
      const state = await trainer.snapshot();
      // Best first: a kill between the two repeats the steps since `last`, and writes the same `best` again.
      if (best?.step === done) await writeCheckpoint(paths.best, state, progress);
      await writeCheckpoint(paths.last, state, progress);
    }
    if (ended !== undefined && (await endsAfter(run, ended))) return done;
  }
  return training.steps;
}

/** Asks whether an epoch, whose checkpoint is written, is to be the last; the plan's last one needs no asking. */
async function endsAfter(run: Run, epoch: EpochMetrics): Promise<boolean> {
  if (run.goOn === undefined || epoch.step >= run.plan.training.steps || (await run.goOn(epoch)))
    return false;
  await writeLog(run.paths, 'ended-early', { epoch: epoch.epoch, step: epoch.step });
  return true;
}

async function stepAndPrefetch(
  trainer: Trainer,
  batch: TrainingBatch,
  learningRate: number,
  family: TrainingFamily,
  after: number | undefined,
  done: number,
) {
  const running = trainer.step({ ...batch, learningRate });
  // Should the next batch fail, the step's own outcome must not go unhandled.
  running.catch(() => {});
  const next = after === undefined ? undefined : family.createBatch(after);
  try {
    return { result: await running, next };
  } catch (error) {
    if (!(error instanceof NetworkError && error.code === 'not-finite')) throw error;
    throw diverged(done, family.describeBatch(done - 1), error);
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
 * Scores after an epoch. It reports as part of the stage `train`, so that rate and time left count it in.
 */
async function validate(run: Run, epoch: number, step: number, control: TaskControl) {
  const { plan, family } = run;
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
  return family.validate(run, inner);
}
