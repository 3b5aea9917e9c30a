import { PipelineError } from '../../errors/pipeline-error.ts';
import type { ForeignPlan, LabelMeaning } from '../../plan/foreign-plan.ts';
import type { ArrayPlaces } from './array-places.ts';

type OutputPlan = ForeignPlan['output'];

/** Outputs that are probabilities may lie this far outside of 0 to 1, by rounding. */
const tolerance = 1e-3;

/**
 * Turns a network's output into what segmenting needs: [items, 2, y, x], the probability of liver without lesions
 * and of lesions.
 *
 * Channels of one meaning are added, since softmax shares out one whole (of sigmoids, which know nothing of each
 * other, the largest counts). `whole-liver` holds its lesions: what is left of it beside them is liver. Labels count
 * as 0 or 1.
 * @param size [items, y, x]
 * @throws PipelineError `model-invalid` when the output is not what the plan says: probabilities outside of 0 to 1,
 * softmax of what is softmax already, labels that the plan does not name
 */
export function labelScores(
  output: Float32Array,
  plan: OutputPlan,
  places: ArrayPlaces,
  size: readonly [number, number, number],
): Float32Array {
  const [items, height, width] = size;
  const area = height * width;
  const scores = new Float32Array(items * 2 * area);
  const score = createScorer(plan);
  for (let n = 0; n < items; n++) {
    let to = n * 2 * area;
    for (let y = 0; y < height; y++) {
      let from = places.start + n * places.item + y * places.down;
      for (let x = 0; x < width; x++, from += places.across, to++) {
        score.pixel(output, from, places.channel);
        scores[to] = score.liver();
        scores[to + area] = score.lesion();
      }
    }
  }
  score.check();
  return scores;
}

/** Works one pixel after the other, without an object for each. */
interface Scorer {
  pixel(output: Float32Array, at: number, stride: number): void;
  liver(): number;
  lesion(): number;
  /** Looks back on all pixels. */
  check(): void;
}

function createScorer(plan: OutputPlan): Scorer {
  return plan.activation === 'labels' ? createLabelScorer(plan) : createChannelScorer(plan);
}

function createLabelScorer({ labels }: OutputPlan): Scorer {
  const meanings = new Map(labels.map(({ value, meaning }) => [value, meaning]));
  let meaning: LabelMeaning = 'background';
  return {
    pixel(output, at) {
      const value = output[at]!;
      const found = meanings.get(value);
      if (found === undefined) {
        throw new PipelineError('model-invalid', 'The network gives a label that its plan does not name.', {
          found: `${value}`,
          expected: `the labels ${[...meanings.keys()].join(', ')}`,
          advice: 'Add it to output.labels, or correct output.activation if these are no labels.',
        });
      }
      meaning = found;
    },
    liver: () => (meaning === 'liver' || meaning === 'whole-liver' ? 1 : 0),
    lesion: () => (meaning === 'lesion' ? 1 : 0),
    check: () => {},
  };
}

function createChannelScorer({ labels, activation }: OutputPlan): Scorer {
  const indices = (wanted: LabelMeaning) =>
    labels.filter(({ meaning }) => meaning === wanted).map(({ value }) => value);
  const isWhole = labels.some(({ meaning }) => meaning === 'whole-liver');
  const livers = indices(isWhole ? 'whole-liver' : 'liver');
  const lesions = indices('lesion');
  const values = new Float64Array(labels.length);
  const isIndependent = activation === 'sigmoid';
  const activate = { softmax, sigmoid, none: () => {} }[activation as 'softmax' | 'sigmoid' | 'none'];
  let liver = 0;
  let lesion = 0;
  let low = 0;
  let high = 0;
  let sumsToOne = true;
  return {
    pixel(output, at, stride) {
      let sum = 0;
      for (let c = 0; c < values.length; c++) {
        const value = output[at + c * stride]!;
        values[c] = value;
        sum += value;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      // Written so that not a number counts as unlike 1.
      if (!(Math.abs(sum - 1) <= tolerance)) sumsToOne = false;
      activate(values);
      lesion = isIndependent ? largest(values, lesions) : total(values, lesions);
      liver = isIndependent ? largest(values, livers) : total(values, livers);
      // Both are shares of one whole, but sigmoids may overlap.
      if (isWhole) liver = Math.max(0, liver - lesion);
      else if (isIndependent) liver = Math.min(liver, 1 - lesion);
    },
    liver: () => liver,
    lesion: () => lesion,
    check() {
      if (activation === 'none' && (low < -tolerance || high > 1 + tolerance)) {
        throw new PipelineError('model-invalid', 'The network gives something else than probabilities.', {
          found: `values from ${low} to ${high}`,
          expected: 'values from 0 to 1, since output.activation is none',
          advice: 'Set output.activation to softmax or sigmoid.',
        });
      }
      if (activation === 'softmax' && sumsToOne && low >= 0) {
        throw new PipelineError('model-invalid', 'The network gives probabilities already.', {
          found: 'channels that add up to 1 everywhere',
          expected: 'values before softmax, since output.activation is softmax',
          advice: 'Set output.activation to none.',
        });
      }
    },
  };
}

function softmax(values: Float64Array): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > highest) highest = value;
  let sum = 0;
  for (let c = 0; c < values.length; c++) {
    values[c] = Math.exp(values[c]! - highest);
    sum += values[c]!;
  }
  for (let c = 0; c < values.length; c++) values[c]! /= sum;
}

function sigmoid(values: Float64Array): void {
  for (let c = 0; c < values.length; c++) values[c] = 1 / (1 + Math.exp(-values[c]!));
}

function total(values: Float64Array, channels: readonly number[]): number {
  let sum = 0;
  for (const c of channels) sum += values[c]!;
  return sum;
}

function largest(values: Float64Array, channels: readonly number[]): number {
  let most = 0;
  for (const c of channels) if (!(values[c]! <= most)) most = values[c]!;
  return most;
}
