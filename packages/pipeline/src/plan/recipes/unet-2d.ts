import { liverLabels } from '@glisson/imaging/volume/labelmap';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { CaseSummary } from '../../fingerprint/case-summary.ts';
import { createFingerprint, fieldOfViewMm } from '../../fingerprint/fingerprint.ts';
import { averageHistograms, clippedBodyStatistics } from '../../fingerprint/hu-histogram.ts';
import { type Plan, planVersion, type SplitPlan } from '../plan.ts';
import { parsePlan } from '../read-plan.ts';
import { applyFields, type FieldValues } from '../set-fields.ts';

/** What a recipe decides from. */
export interface RecipeInput {
  /** Training cases only. */
  readonly cases: readonly CaseSummary[];
  readonly dataHash: string;
  readonly split: SplitPlan;
  /** Chosen by the user; what depends on a chosen value follows it. */
  readonly set: FieldValues;
  /** SHA-256 of the file of first weights, when one was chosen. */
  readonly weightsHash?: string;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The multiple of `factor` at or above `value`, but not above `limit` (a multiple itself). */
function multipleOf(factor: number, value: number, limit: number): number {
  return Math.min(Math.ceil(value / factor) * factor, Math.floor(limit / factor) * factor);
}

/**
 * A 2-D U-Net on axial slices with context slices as channels: trains on two cores in half an hour.
 * The median field of view becomes about 256 pixels, since fewer lose small lesions and more take longer.
 * @throws PipelineError `data-invalid` when the scans hold nothing inside the window, `plan-invalid` when set
 * values contradict each other
 */
export function unet2dPlan(input: RecipeInput): Plan {
  const { cases, set } = input;
  const chosen = <T>(name: string, fallback: T): T => (set.has(name) ? (set.get(name) as T) : fallback);

  const windowHU = chosen<[number, number]>('preprocess.windowHU', [-160, 240]);
  const statistics = clippedBodyStatistics(averageHistograms(cases.map((c) => c.histogram)), windowHU);
  if (statistics === null || statistics.sd === 0) {
    throw new PipelineError('data-invalid', 'The training scans hold nothing inside the window.', {
      found: `no voxel above ${windowHU[0]} HU that differs from the others`,
      expected: 'CT in Hounsfield units: soft tissue lies at 0 to 100',
      advice: 'Check the scans with glisson inspect, or set preprocess.windowHU.',
    });
  }
  const fieldOfView = [0, 1].map((axis) => median(cases.map((c) => fieldOfViewMm(c, axis as 0 | 1))));
  const spacing = Math.round(clamp(Math.max(...fieldOfView) / 256, 1, 2.2) * 10) / 10;
  const spacingMm = chosen<[number, number]>('preprocess.spacingMm', [spacing, spacing]);
  const contextSlices = chosen('preprocess.contextSlices', 1);
  const sliceMm = median(cases.map((c) => c.spacingMm[2]));

  const levels = chosen('network.levels', 5);
  const factor = 2 ** (levels - 1);
  const pixels = [0, 1].map((axis) =>
    Math.max(...cases.map((c) => Math.round(fieldOfViewMm(c, axis as 0 | 1) / spacingMm[axis]!))),
  );
  const sized = (limit: number): [number, number] => [
    multipleOf(factor, pixels[0]!, Math.max(limit, factor)),
    multipleOf(factor, pixels[1]!, Math.max(limit, factor)),
  ];
  const steps = chosen('training.steps', 2000);

  const plan: Plan = {
    version: planVersion,
    recipe: 'unet-2d',
    labels: liverLabels.map((label) => ({ ...label })),
    preprocess: {
      windowHU,
      spacingMm,
      contextSlices,
      contextSpacingMm: Math.round(clamp(sliceMm, 2.5, 5) * 10) / 10,
      meanHU: Number(statistics.mean.toFixed(3)),
      sdHU: Number(statistics.sd.toFixed(3)),
    },
    network: {
      family: 'unet-2d',
      inputChannels: 2 * contextSlices + 1,
      classes: liverLabels.length,
      baseChannels: 16,
      maxChannels: 256,
      levels,
      convolutionsPerLevel: 2,
    },
    training: {
      seed: 1,
      steps,
      batchSize: 8,
      patchSize: sized(160),
      optimiser: {
        name: 'adam',
        learningRate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
      },
      schedule: { name: 'polynomial', warmupSteps: Math.min(50, Math.floor(steps / 10)), power: 0.9 },
      loss: { crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1, 2] },
      sampling: { lesion: 0.4, liver: 0.3, anywhere: 0.3 },
      augmentation: {
        spatialProbability: 0.5,
        rotationDegrees: 20,
        scale: [0.8, 1.25],
        // A mirrored spleen looks like a liver, and no patient is upside down.
        flipProbability: [0, 0],
        intensityProbability: 0.25,
        shiftHU: 20,
        contrast: [0.85, 1.15],
        noiseHU: 20,
      },
      stepsPerEpoch: Math.max(1, Math.min(200, Math.ceil(steps / 5))),
      validationSlices: 48,
      weightAverageDecay: 0.99,
    },
    split: input.split,
    inference: { tileSize: sized(256), overlap: 0.25, mirror: false },
    postprocess: {
      liverThreshold: 0.5,
      lesionThreshold: 0.5,
      largestLiverOnly: true,
      fillLiverHoles: true,
      lesionsInLiverOnly: true,
      minLesionMl: 0.03,
      minLiverMl: 50,
    },
    fingerprint: createFingerprint(cases, input.dataHash),
  };
  return parsePlan(applyFields(plan, set), 'the recipe unet-2d with the fields that were set') as Plan;
}
