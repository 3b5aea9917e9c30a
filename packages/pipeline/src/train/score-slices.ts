import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Plan } from '../plan/plan.ts';
import type { PreparedCase } from '../preprocess/prepared-case.ts';
import { channelCount, contextSliceIndices } from '../preprocess/slice-stack.ts';
import { addProbability, createLossSums, type LossSums } from './loss-sums.ts';

/** What scoring needs of a predictor: input [N, C, H, W] to probabilities [N, classes, H, W]. */
export interface SlicePredictor {
  run(image: Float32Array, dims: readonly number[]): Promise<{ readonly data: Float32Array }>;
}

/** Probabilities are counted in thousandths: thresholds have three decimals. */
const bins = 1000;

/** How often each probability was given to voxels that are, and are not, of a class. */
export interface ProbabilityCounts {
  readonly inside: Float64Array;
  readonly outside: Float64Array;
}

/** Thresholds that may be chosen: 0.05, 0.10 … 0.95. */
export const thresholdGrid: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/** Liver includes its lesions, as everywhere: its probability is p(liver) + p(lesion). */
export interface CaseProbabilities {
  readonly id: string;
  readonly liver: ProbabilityCounts;
  /** Liver thresholds for which lesions can be counted, rising. */
  readonly levels: readonly number[];
  /** Entry j: lesion probabilities of the voxels whose liver probability reaches exactly j of the levels. */
  readonly lesionByLevel: readonly ProbabilityCounts[];
  /** Classes background, liver, lesion, as the network tells them apart. */
  readonly loss: LossSums;
}

/**
 * Counts of lesion probabilities as prediction uses them: a lesion lies where liver is found, however sure the network
 * is of it, so that voxels below the liver's threshold count as 0.
 * @param liverThreshold one of the levels
 */
export function lesionsInLiver(c: CaseProbabilities, liverThreshold: number): ProbabilityCounts {
  const needed = c.levels.indexOf(liverThreshold) + 1;
  if (needed === 0) throw new RangeError(`${liverThreshold} is none of the levels ${c.levels.join(', ')}`);
  const counts = createCounts();
  for (const [reached, { inside, outside }] of c.lesionByLevel.entries()) {
    for (let b = 0; b <= bins; b++) {
      const bin = reached >= needed ? b : 0;
      counts.inside[bin]! += inside[b]!;
      counts.outside[bin]! += outside[b]!;
    }
  }
  return counts;
}

/** Empty counts. */
export function createCounts(): ProbabilityCounts {
  return { inside: new Float64Array(bins + 1), outside: new Float64Array(bins + 1) };
}

/** The bin of a probability; p >= t exactly when its bin is at least t's, for t of three decimals. */
export function probabilityBin(probability: number): number {
  return Math.min(bins, Math.max(0, Math.floor(probability * bins + 1e-6)));
}

/**
 * Dice of the voxels whose probability reaches `threshold`, from the counts. Null when no voxel is of the class:
 * then Dice says nothing about how well it is found.
 */
export function diceAt(counts: ProbabilityCounts, threshold: number): number | null {
  const from = probabilityBin(threshold);
  let reference = 0;
  let hits = 0;
  let predicted = 0;
  for (let b = 0; b <= bins; b++) {
    reference += counts.inside[b]!;
    if (b < from) continue;
    hits += counts.inside[b]!;
    predicted += counts.inside[b]! + counts.outside[b]!;
  }
  return reference === 0 ? null : (2 * hits) / (reference + predicted);
}

/** Mean of the numbers among the values; null when there is none. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

/** `count` of the slices 0..depth-1, evenly spread, in order; all of them when there are fewer. */
export function spreadSlices(depth: number, count: number): number[] {
  if (count >= depth) return Array.from({ length: depth }, (_, k) => k);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * depth) / count));
}

/** Divides a number of slices over cases in proportion to their depth, at least one each. */
export function slicesOfCases(cases: readonly PreparedCase[], total: number): number[][] {
  const depths = cases.map((c) => c.geometry.size[2]);
  const all = depths.reduce((a, b) => a + b, 0);
  return depths.map((depth) => spreadSlices(depth, Math.max(1, Math.round((total * depth) / all))));
}

/**
 * Predicts slices of labelled cases on the prepared grid and counts the probabilities by what is true. Slices go
 * through whole, padded with air to what the network can halve; probabilities are not kept.
 * @param slices for each case, the slices to predict
 */
export async function scoreSlices(
  predictor: SlicePredictor,
  cases: readonly PreparedCase[],
  slices: readonly (readonly number[])[],
  plan: Pick<Plan, 'preprocess' | 'network' | 'postprocess'>,
  stage: string,
  control: TaskControl = {},
): Promise<CaseProbabilities[]> {
  const levels = [...new Set([...thresholdGrid, plan.postprocess.liverThreshold])].sort((a, b) => a - b);
  const total = slices.reduce((sum, list) => sum + list.length, 0);
  let done = 0;
  const results: CaseProbabilities[] = [];
  for (const [c, prepared] of cases.entries()) {
    const lesionByLevel = Array.from({ length: levels.length + 1 }, createCounts);
    const loss = createLossSums(plan.network.classes);
    const result = { id: prepared.id, liver: createCounts(), levels, lesionByLevel, loss };
    for (const k of slices[c]!) {
      control.signal?.throwIfAborted();
      const { input, dims } = paddedInput(prepared, k, plan);
      const output = await predictor.run(input, dims);
      countProbabilities(output.data, dims, prepared, k, result);
      done++;
      control.onProgress?.({ stage, done, total, unit: 'slices', note: prepared.id });
    }
    results.push(result);
  }
  return results;
}

function paddedInput(
  prepared: PreparedCase,
  k: number,
  plan: Pick<Plan, 'preprocess' | 'network'>,
): { input: Float32Array; dims: [number, number, number, number] } {
  const { preprocess, network } = plan;
  const factor = 2 ** (network.levels - 1);
  const [width, height] = prepared.geometry.size;
  const paddedWidth = Math.ceil(width / factor) * factor;
  const paddedHeight = Math.ceil(height / factor) * factor;
  const channels = channelCount(preprocess);
  const air = (preprocess.windowHU[0] - preprocess.meanHU) / preprocess.sdHU;
  const input = new Float32Array(channels * paddedWidth * paddedHeight).fill(air);
  for (const [channel, slice] of contextSliceIndices(prepared.geometry, k, preprocess).entries()) {
    const image = prepared.image(slice);
    for (let y = 0; y < height; y++) {
      const to = (channel * paddedHeight + y) * paddedWidth;
      for (let x = 0; x < width; x++) {
        input[to + x] = (image[y * width + x]! - preprocess.meanHU) / preprocess.sdHU;
      }
    }
  }
  return { input, dims: [1, channels, paddedHeight, paddedWidth] };
}

function countProbabilities(
  probabilities: Float32Array,
  dims: readonly [number, number, number, number],
  prepared: PreparedCase,
  k: number,
  result: CaseProbabilities,
): void {
  const [width, height] = prepared.geometry.size;
  const [, , paddedHeight, paddedWidth] = dims;
  const plane = paddedHeight * paddedWidth;
  const labels = prepared.labels(k);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * paddedWidth + x;
      const lesion = probabilities[2 * plane + i]!;
      const liver = probabilities[plane + i]! + lesion;
      const label = labels[y * width + x]!;
      addProbability(result.loss, 0, probabilities[i]!, label);
      addProbability(result.loss, 1, probabilities[plane + i]!, label);
      addProbability(result.loss, 2, lesion, label);
      (label >= 1 ? result.liver.inside : result.liver.outside)[probabilityBin(liver)]!++;
      let reached = 0;
      while (reached < result.levels.length && liver >= result.levels[reached]!) reached++;
      const lesions = result.lesionByLevel[reached]!;
      (label === 2 ? lesions.inside : lesions.outside)[probabilityBin(lesion)]!++;
    }
  }
}
