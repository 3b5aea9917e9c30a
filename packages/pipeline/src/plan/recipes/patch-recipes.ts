import { liverLabels } from '@glisson/imaging/volume/labelmap';
import { createFingerprint } from '../../fingerprint/fingerprint.ts';
import type { PatchFamily, PatchPlan } from '../patch-plan.ts';
import { planVersion } from '../plan.ts';
import { parsePlan } from '../read-plan.ts';
import { applyFields } from '../set-fields.ts';
import type { RecipeInput } from './unet-2d.ts';

interface Defaults {
  readonly family: PatchFamily;
  readonly patchSize: number;
  readonly padding: 'same' | 'valid';
  readonly head: 'pooled' | 'fc';
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly steps: number;
  /** Number of channels, and grey values that become 0 and 1: those that pretrained layers know, or the middle half. */
  readonly channels: number;
  readonly mean: number;
  readonly sd: number;
  readonly outputStride: number;
}

/** As published: patches of 257 px, transfer learning; ImageNet's mean and deviation, averaged over its colours. */
const published = {
  patchSize: 257,
  padding: 'same',
  head: 'pooled',
  batchSize: 8,
  learningRate: 1e-4,
  weightDecay: 1e-2,
  steps: 1000,
  channels: 3,
  mean: 0.449,
  sd: 0.226,
  outputStride: 8,
} as const;

const defaults: Readonly<Record<string, Defaults>> = {
  /** For processors: 0.2 million parameters, valid convolutions, so that the dense form is exact. */
  'patch-small': {
    family: 'patch-cnn',
    patchSize: 65,
    padding: 'valid',
    head: 'pooled',
    batchSize: 32,
    learningRate: 2e-3,
    weightDecay: 1e-2,
    steps: 2000,
    channels: 1,
    mean: 0.5,
    sd: 0.25,
    outputStride: 4,
  },
  'patch-vgg16': { ...published, family: 'vgg16', head: 'fc' },
  'patch-vgg11': { ...published, family: 'vgg11', head: 'fc' },
  'patch-resnet18': { ...published, family: 'resnet18' },
  'patch-resnet50': { ...published, family: 'resnet50' },
  'patch-densenet121': { ...published, family: 'densenet121' },
};

/** What is drawn once where features are kept: enough for a head. */
const keptFeatures = { patches: 2000, copies: 0, memoryMB: 1000 } as const;

/** Slices of each case in a small beginning. */
export const smallStart = { trainingSlices: 4, validationSlices: 1 } as const;

/** A recipe of a classifier of patches for each name. Throws PipelineError `plan-invalid` when set values contradict each other. */
export const patchRecipes: Readonly<Record<string, (input: RecipeInput) => PatchPlan>> = Object.fromEntries(
  Object.entries(defaults).map(([name, own]) => [name, (input: RecipeInput) => patchPlan(name, own, input)]),
);

function patchPlan(recipe: string, own: Defaults, { cases, set, ...input }: RecipeInput): PatchPlan {
  const chosen = <T>(name: string, fallback: T): T => (set.has(name) ? (set.get(name) as T) : fallback);
  const family = chosen('network.family', own.family);
  const isSmall = family === 'patch-cnn';
  const head = chosen('network.head', family.startsWith('vgg') ? own.head : 'pooled');
  const patchSize = chosen('training.patchSize', own.patchSize);
  const steps = chosen('training.steps', own.steps);
  const channels = chosen('preprocess.channels.count', own.channels);
  const setsAnyOf = (prefix: string) =>
    [...set].some(([name, value]) => name.startsWith(prefix) && value !== null);
  const keepsFeatures = setsAnyOf('training.features.');

  const plan: PatchPlan = {
    version: planVersion,
    recipe,
    labels: liverLabels.map((label) => ({ ...label })),
    preprocess: {
      windowHU: [-160, 240],
      spacingMm: null,
      equalise: { method: 'plain', histogram: 'body', clipLimit: 2, tiles: [8, 8] },
      crop: 'body',
      padding: { pixels: Math.floor(patchSize / 2), value: 0 },
      channels: { source: 'repeat', count: channels, spacingMm: 5, windowsHU: [] },
      // DenseNet-40-12, whose weights are about, took grey values of 0 to 255 as they are.
      mean: family === 'densenet40' ? 0 : own.mean,
      sd: family === 'densenet40' ? 1 / 255 : own.sd,
    },
    network: {
      family,
      inputChannels: channels,
      classes: 2,
      padding: isSmall ? 'valid' : own.padding,
      head,
      baseChannels: isSmall ? 16 : null,
      ...(isSmall && { pools: [3, 2, 3] as [number, number, number] }),
      dropout: 0.5,
    },
    training: {
      seed: 1,
      steps,
      batchSize: own.batchSize,
      patchSize,
      stride: 1,
      optimiser: {
        name: 'adam',
        learningRate: own.learningRate,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: own.weightDecay,
      },
      schedule: { name: 'cosine', warmupSteps: Math.min(50, Math.floor(steps / 10)), power: 0.9 },
      classWeights: [1, 1],
      sampling: { lesion: 0.5, hard: 0.3, outsideLiver: 0.4, balance: 'patient' },
      // Patches that are drawn once cannot follow the model.
      hardNegatives: { everyEpochs: keepsFeatures ? 0 : 1, slices: 16, perPatient: 200, threshold: 0.5 },
      augmentation: {
        flipProbability: [0.5, 0.5],
        transposeProbability: 0.5,
        intensityProbability: 0.25,
        shift: 0.05,
        contrast: [0.85, 1.15],
        noise: 0.05,
      },
      stepsPerEpoch: Math.max(1, Math.min(200, Math.ceil(steps / 10))),
      validationSlices: 32,
      small: setsAnyOf('training.small.') ? { ...smallStart } : null,
      features: keepsFeatures ? { ...keptFeatures } : null,
      weightAverageDecay: 0.99,
      transfer: {
        weights: null,
        sha256: input.weightsHash ?? null,
        frozen: [],
        frozenParts: keepsFeatures ? 'all' : 0,
        groups: [],
      },
    },
    split: input.split,
    inference: {
      outputStride: own.outputStride,
      mode: 'dense',
      whenNotDense: 'error',
      interpolation: 'linear',
      mask: 'body',
      batchSize: 16,
      memoryMB: 800,
    },
    postprocess: { lesionThreshold: 0.5, minLesionMl: 0.03, lesionsInLiverOnly: true },
    fingerprint: createFingerprint(cases, input.dataHash),
  };
  return parsePlan(applyFields(plan, set), `the recipe ${recipe} with the fields that were set`) as PatchPlan;
}
