import { NetworkError } from '../errors/network-error.ts';
import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, greater, maximum, mul, pow, sub, where } from '../operators/elementwise.ts';
import { slice } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { reduceMean } from '../operators/reduce-mean.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { flag, fromZero, oneOf, optional, positive } from '../options/rules.ts';
import type { Loss } from './loss.ts';
import type { Prediction } from './prediction.ts';

export interface OverlapOptions {
  /** Sums over the whole batch, or over each image, whose scores are averaged. Default 'batch'. */
  readonly over?: 'batch' | 'image';
  /** Leave class 0 out of the loss (not out of the report). Default true. */
  readonly skipBackground?: boolean;
  /** Added to numerator and denominator: a class that is absent and not predicted scores 1. Default 1. */
  readonly smoothing?: number;
  /** Whether probabilities where the target is ignored are left out. Default true. */
  readonly maskIgnored?: boolean;
}

const rules: Rules<OverlapOptions> = {
  over: optional(oneOf('batch', 'image')),
  skipBackground: optional(flag),
  smoothing: optional(fromZero),
  maskIgnored: optional(flag),
};

/** Sums of p t, p and t [classes], or [N, classes] image by image. */
function overlapSums({ probabilities, truth, valid }: Prediction, options: OverlapOptions) {
  const { over = 'batch', maskIgnored = true } = options;
  const pixels = probabilities.shape.map((_, axis) => axis).filter((axis) => axis > 1);
  const axes = over === 'batch' ? [0, ...pixels] : pixels;
  const counted = maskIgnored ? mul(probabilities, valid) : probabilities;
  return {
    both: reduceSum(mul(probabilities, truth), axes),
    predicted: reduceSum(counted, axes),
    actual: reduceSum(truth, axes),
  };
}

/** The mean of a score [classes] or [N, classes] over images, per class, and what of it the loss counts. */
function scored(score: Tensor, skipBackground: boolean) {
  const axis = score.shape.length - 1;
  const classes = score.shape[axis]!;
  if (skipBackground && classes < 2) {
    throw new NetworkError(
      'value-invalid',
      'losses: of one class, the background cannot be left out: set skipBackground to false',
    );
  }
  return {
    perClass: axis === 0 ? score : reduceMean(score, [0]),
    counted: skipBackground ? slice(score, axis, 1, classes) : score,
  };
}

/**
 * 1 - the mean of the soft Dice of the classes (Milletari, Navab and Ahmadi, V-Net, 2016, with plain sums as in nnU-Net):
 * (2 sum p t + s) / (sum p + sum t + s). Part `dice`: of every class, the background included [classes].
 */
export function softDice(prediction: Prediction, options: OverlapOptions = {}): Loss {
  checkOptions('softDice', options, rules);
  const { smoothing = 1, skipBackground = true } = options;
  const { both, predicted, actual } = overlapSums(prediction, options);
  const s = scalar(smoothing);
  const dice = div(add(mul(both, scalar(2)), s), add(add(predicted, actual), s));
  const { perClass, counted } = scored(dice, skipBackground);
  return { loss: sub(scalar(1), reduceMean(counted)), parts: { dice: perClass } };
}

export interface TverskyOptions extends OverlapOptions {
  /** Weight of what is predicted and not there. Default 0.3. */
  readonly alpha?: number;
  /** Weight of what is there and not predicted. Default 0.7. */
  readonly beta?: number;
  /** Focal Tversky (Abraham and Khan, 2019): the mean of (1 - T)^exponent. Default 1. */
  readonly exponent?: number;
}

const tverskyRules: Rules<TverskyOptions> = {
  ...rules,
  alpha: optional(fromZero),
  beta: optional(fromZero),
  exponent: optional(positive),
};

/** Where 1 - T is less, (1 - T)^exponent is 0: its derivative would be infinite at 0. */
const least = 1e-7;

/**
 * The mean of 1 - T over the classes, T = (sum p t + s) / (sum p t + alpha sum p (1 - t) + beta sum (1 - p) t + s)
 * (Salehi, Erdogmus and Gholipour, 2017); with alpha = beta = 1/2 and s = 0, Dice. Part `tversky`: T of every class.
 */
export function tversky(prediction: Prediction, options: TverskyOptions = {}): Loss {
  checkOptions('tversky', options, tverskyRules);
  const { alpha = 0.3, beta = 0.7, exponent = 1, smoothing = 1, skipBackground = true } = options;
  const { both, predicted, actual } = overlapSums(prediction, options);
  const s = scalar(smoothing);
  const extra = mul(sub(predicted, both), scalar(alpha));
  const missed = mul(sub(actual, both), scalar(beta));
  const index = div(add(both, s), add(add(both, s), add(extra, missed)));
  const { perClass, counted } = scored(index, skipBackground);
  const short = sub(scalar(1), counted);
  const focused = () => {
    const power = pow(maximum(short, scalar(least)), exponent);
    return where(greater(short, scalar(least)), power, scalar(0));
  };
  return { loss: reduceMean(exponent === 1 ? short : focused()), parts: { tversky: perClass } };
}
