import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { PipelineError } from '../errors/pipeline-error.ts';
import { sliceIndex } from '../measure/slice-number.ts';
import type { PatchModel } from '../predict/loaded-model.ts';
import { parseModel } from '../predict/model-files.ts';
import { judgedPixels, lesionSlice } from '../predict/patches/lesion-slice.ts';
import { openWindowScorer, scorerMode } from '../predict/patches/open-scorer.ts';
import { lesionValue } from '../train/label-values.ts';
import { patchThresholds } from '../train/patches/score-patches.ts';
import { openModelScan } from './model-scan.ts';

export interface CompareDenseOptions {
  /** Numbers from 1. */
  readonly slices: readonly number[];
  /** Pixels from window to window; default: the plan's. */
  readonly stride?: number;
  /** Default: the plan's. */
  readonly threshold?: number;
  readonly threads?: number;
}

/** How two ways to judge the same pixels differ. */
export interface WayDifference {
  /** Pixels that are judged: those of the plan's mask. */
  readonly pixels: number;
  /** Of the probability of lesion. */
  readonly meanDifference: number;
  readonly largestDifference: number;
  /** Pixels that are lesion one way and not the other. */
  readonly flips: number;
  /** Mean probability each way: whether one of them says more lesion. */
  readonly meanDense: number;
  readonly meanPatches: number;
}

export interface DiceBothWays {
  readonly dense: number;
  readonly patches: number;
}

/** What dense evaluation of a model changes on slices of a scan. */
export interface DenseComparison {
  readonly network: string;
  readonly padding: 'same' | 'valid';
  readonly patchSize: number;
  readonly stride: number;
  readonly threshold: number;
  readonly slices: readonly (WayDifference & { readonly slice: number })[];
  readonly all: WayDifference;
  /** Lesion Dice over all these slices at the threshold; null without labels, or where they have no lesion. */
  readonly dice: DiceBothWays | null;
  /** The same, each way at the threshold that is best for it on these slices: what choosing anew would give at best. */
  readonly bestDice: {
    readonly dense: { readonly threshold: number; readonly dice: number };
    readonly patches: { readonly threshold: number; readonly dice: number };
  } | null;
  /** Seconds of all slices each way. */
  readonly seconds: { readonly dense: number; readonly patches: number };
}

/**
 * Judges slices densely and patch by patch (in batches), and compares. For networks without padding the two agree to
 * rounding; others see zeros at the rim of a patch where dense evaluation sees the neighbourhood.
 * @param labels on the volume's grid: Dice needs them, and models that crop to the liver
 * @throws PipelineError `option-invalid` for slices that are not there and a network without a dense form
 */
export async function compareDense(
  volume: Volume,
  model: PatchModel,
  labels: Labelmap | undefined,
  options: CompareDenseOptions,
  control: TaskControl = {},
): Promise<DenseComparison> {
  const { slices, threads } = options;
  const depth = volume.geometry.size[2];
  const wrong = slices.find((slice) => !(slice >= 1 && slice <= depth));
  if (wrong !== undefined || slices.length === 0) {
    throw new PipelineError('option-invalid', 'The scan has no such slice.', {
      found: wrong === undefined ? 'no slice' : `slice ${wrong}`,
      expected: `1 to ${depth}`,
    });
  }
  const stride = options.stride ?? model.plan.inference.outputStride;
  const threshold = options.threshold ?? model.plan.postprocess.lesionThreshold;
  const planFor = (mode: 'dense' | 'batched') => ({
    ...model.plan,
    inference: { ...model.plan.inference, outputStride: stride, mode, whenNotDense: 'error' as const },
  });
  scorerMode(planFor('dense'));
  const { scan, geometry, labels: labelsOf } = openModelScan(volume, model, labels, control);
  const weights = parseModel(model.path, model.onnx, namedWeights);
  const engine = {
    ...(threads !== undefined && { threads }),
    ...(control.signal !== undefined && { signal: control.signal }),
  };

  let done = 0;
  const judge = async (mode: 'dense' | 'batched') => {
    const plan = planFor(mode);
    const scorer = await openWindowScorer(plan, weights, engine);
    const start = performance.now();
    try {
      const maps: Float32Array[] = [];
      for (const slice of slices) {
        control.signal?.throwIfAborted();
        maps.push(await lesionSlice(scan, sliceIndex(geometry, slice), plan, scorer));
        control.onProgress?.({
          stage: mode === 'dense' ? 'dense' : 'patch by patch',
          done: ++done,
          total: 2 * slices.length,
          unit: 'slices',
        });
      }
      return { maps, seconds: (performance.now() - start) / 1000 };
    } finally {
      await scorer.close();
    }
  };
  const dense = await judge('dense');
  const patches = await judge('batched');

  const { crop } = scan;
  const sides = slices.map((slice, n) => {
    const k = sliceIndex(geometry, slice);
    const judged = judgedPixels(scan, k, model.plan.inference.mask);
    const [a, b]: [number[], number[]] = [[], []];
    for (let i = 0; i < judged.length; i++) {
      if (judged[i] === 0) continue;
      const at = (crop.y + Math.floor(i / crop.width)) * geometry.size[0] + crop.x + (i % crop.width);
      a.push(dense.maps[n]![at]!);
      b.push(patches.maps[n]![at]!);
    }
    return { slice, dense: a, patches: b };
  });
  const truth = slices.map((slice) => labelsOf(sliceIndex(geometry, slice)));
  const hasLesion = truth.some((one) => one?.includes(lesionValue) === true);
  const diceOf = (maps: readonly Float32Array[], at: number) => lesionDice(maps, truth as Uint8Array[], at);
  return {
    network: model.plan.network.family,
    padding: model.plan.network.padding,
    patchSize: model.plan.training.patchSize,
    stride,
    threshold,
    slices: sides.map(({ slice, ...side }) => ({
      slice,
      ...differenceOf(side.dense, side.patches, threshold),
    })),
    all: differenceOf(
      sides.flatMap((side) => side.dense),
      sides.flatMap((side) => side.patches),
      threshold,
    ),
    dice: hasLesion
      ? { dense: diceOf(dense.maps, threshold), patches: diceOf(patches.maps, threshold) }
      : null,
    bestDice: hasLesion
      ? {
          dense: bestDice((at) => diceOf(dense.maps, at)),
          patches: bestDice((at) => diceOf(patches.maps, at)),
        }
      : null,
    seconds: { dense: dense.seconds, patches: patches.seconds },
  };
}

/** How two lists of probabilities of the same pixels differ; all 0 where there are none. */
export function differenceOf(
  dense: ArrayLike<number>,
  patches: ArrayLike<number>,
  threshold: number,
): WayDifference {
  const pixels = dense.length;
  let [sum, largest, flips, sumDense, sumPatches] = [0, 0, 0, 0, 0];
  for (let i = 0; i < pixels; i++) {
    const [a, b] = [dense[i]!, patches[i]!];
    sum += Math.abs(a - b);
    largest = Math.max(largest, Math.abs(a - b));
    if (a >= threshold !== b >= threshold) flips++;
    sumDense += a;
    sumPatches += b;
  }
  const mean = (total: number) => (pixels === 0 ? 0 : total / pixels);
  return {
    pixels,
    meanDifference: mean(sum),
    largestDifference: largest,
    flips,
    meanDense: mean(sumDense),
    meanPatches: mean(sumPatches),
  };
}

/** Over all slices together, without the rules for whole lesions. */
function lesionDice(maps: readonly Float32Array[], truth: readonly Uint8Array[], threshold: number): number {
  let [predicted, reference, hits] = [0, 0, 0];
  for (const [n, map] of maps.entries()) {
    for (let i = 0; i < map.length; i++) {
      const [found, real] = [map[i]! >= threshold && map[i]! > 0, truth[n]![i] === lesionValue];
      if (found) predicted++;
      if (real) reference++;
      if (found && real) hits++;
    }
  }
  return (2 * hits) / (predicted + reference);
}

function bestDice(diceAt: (threshold: number) => number): {
  readonly threshold: number;
  readonly dice: number;
} {
  return patchThresholds
    .map((threshold) => ({ threshold, dice: diceAt(threshold) }))
    .reduce((best, one) => (one.dice > best.dice ? one : best));
}
