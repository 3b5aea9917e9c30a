import type { RunCurve } from './run-curve.ts';

/** With fewer epochs, noise cannot be told from a course. */
export const fewestEpochs = 9;
/** Share of the run without a better validation that counts as standing still. */
const standingShare = 1 / 3;
/** Share by which the training loss must have fallen meanwhile. */
const trainingFall = 0.1;
/** Standard errors of a smoothed value within which two are called equal, and beyond which one is called worse. */
const equalErrors = 2;
const worseErrors = 4;

/** How a measure went: smoothed values, at the epoch from which on it did not get better, and at the end. */
export interface MeasureCourse {
  /** Epoch from which on nothing was better by more than noise. */
  readonly since: number;
  readonly before: number;
  readonly end: number;
  /** Whether the end is worse than `before` by more than noise. */
  readonly isWorse: boolean;
}

export interface CurveVerdict {
  /**
   * - `too-short`: fewer than nine epochs;
   * - `overfitting`: for the last third of the run or longer validation has not improved, and has become worse, while the
   *   training loss fell by a tenth or more: the network learns the training cases by heart;
   * - `stalled`: the same, but validation has not become worse;
   * - `sound`: neither.
   */
  readonly kind: 'too-short' | 'sound' | 'stalled' | 'overfitting';
  /** Epoch since when, of `overfitting` and `stalled`. */
  readonly since: number | null;
  /** What became worse. */
  readonly evidence: readonly ('validation loss' | 'validation Dice')[];
  /** The same in words. */
  readonly text: string;
}

/** Centred moving average; windows are cut at the ends. @param reach values on either side */
export function smoothed(values: readonly number[], reach: number): number[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - reach), i + reach + 1);
    return window.reduce((a, b) => a + b, 0) / window.length;
  });
}

/** Standard deviation of one value, from the median difference of neighbours: a slow course does not count as noise. */
export function noiseOf(values: readonly number[]): number {
  const differences = values.slice(1).map((value, i) => Math.abs(value - values[i]!));
  const sorted = differences.sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  // Differences of two normal values have sqrt(2) times their deviation, whose median is 0.6745 of it.
  return median / (0.6745 * Math.SQRT2);
}

/** Half the width of smoothing windows: a fifteenth of the run in all, at least three epochs. */
function reachFor(epochs: number): number {
  return Math.max(1, Math.round(epochs / 30));
}

/** @param sign 1 where larger is better, -1 where smaller is */
function courseOf(values: readonly number[], epochs: readonly number[], sign: 1 | -1): MeasureCourse {
  const reach = reachFor(values.length);
  const smooth = smoothed(values, reach);
  // Windows at the ends hold reach + 1 values: the error of the widest doubt.
  const error = noiseOf(values) / Math.sqrt(reach + 1);
  const best = Math.max(...smooth.map((value) => sign * value));
  const at = smooth.findIndex((value) => sign * value >= best - equalErrors * error);
  const end = smooth.at(-1)!;
  const fall = sign * smooth[at]! - sign * end;
  return { since: epochs[at]!, before: smooth[at]!, end, isWorse: fall > worseErrors * error && fall > 1e-9 };
}

/**
 * Points out overfitting by a plain rule. Values are smoothed over a fifteenth of the run (three epochs at least), and two
 * values that differ by less than two standard errors of the noise between epochs count as equal. Then validation *stands
 * still* when its loss, or its Dice, has not become better for a third of the run; if the training loss has fallen by a
 * tenth in that time, that is `stalled` when it is so of all there is, and `overfitting` as soon as one of them has become
 * worse by four standard errors.
 */
export function judgeCurve(curve: RunCurve): CurveVerdict {
  const { epochs } = curve;
  const count = epochs.length;
  const training = epochs.map((e) => e.loss.training);
  if (count < fewestEpochs) {
    const text = `${count} epoch${count === 1 ? '' : 's'} are too few to judge the course (${fewestEpochs} are needed).`;
    return { kind: 'too-short', since: null, evidence: [], text: text.replace('epoch are', 'epoch is') };
  }
  const sound = (text: string): CurveVerdict => ({ kind: 'sound', since: null, evidence: [], text });
  if (!training.every((value) => value !== null)) return sound('The training loss is not known throughout.');
  const trained = smoothed(training, reachFor(count));
  const numbers = epochs.map((e) => e.epoch);
  const losses = epochs.map((e) => e.loss.validation);
  const found = [
    ...(losses.every((value) => value !== null)
      ? [{ name: 'validation loss' as const, course: courseOf(losses, numbers, -1) }]
      : []),
    {
      name: 'validation Dice' as const,
      course: courseOf(
        epochs.map((e) => e.score),
        numbers,
        1,
      ),
    },
  ].map((one) => {
    const at = numbers.indexOf(one.course.since);
    const fall = trained[at]! <= 0 ? 0 : 1 - trained.at(-1)! / trained[at]!;
    const stands = count - 1 - at >= count * standingShare && fall > trainingFall;
    return { ...one, fall, stands };
  });
  const worse = found.filter(({ stands, course }) => stands && course.isWorse);
  if (worse.length > 0) {
    const since = Math.min(...worse.map(({ course }) => course.since));
    const parts = worse.map(({ name, course }) => {
      const verb = name === 'validation loss' ? 'has risen' : 'has fallen';
      return `the ${name} ${verb} from ${course.before.toFixed(3)} (epoch ${course.since}) to ${course.end.toFixed(3)}`;
    });
    const fall = Math.max(...worse.map((one) => one.fall));
    const rest = found.find(({ name }) => !worse.some((one) => one.name === name));
    const other =
      rest === undefined ? '' : `; the ${rest.name} ${rest.course.isWorse ? 'too' : 'has not become worse'}`;
    return {
      kind: 'overfitting',
      since,
      evidence: worse.map(({ name }) => name),
      text: `Overfitting since epoch ${since}: ${parts.join(' and ')}, while the training loss fell by ${percent(fall)}${other}.`,
    };
  }
  if (found.every(({ stands }) => stands)) {
    const since = Math.max(...found.map(({ course }) => course.since));
    const fall = Math.min(...found.map((one) => one.fall));
    return {
      kind: 'stalled',
      since,
      evidence: [],
      text: `Validation stands still since epoch ${since}, while the training loss fell by ${percent(fall)}: more steps of the same will hardly help.`,
    };
  }
  return sound('No sign of overfitting.');
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
