import { z } from 'zod';
import { fingerprintSchema, planVersion, splitSchema } from './plan.ts';

const positive = z.number().positive();
const probability = z.number().min(0).max(1);
const range = z.tuple([z.number(), z.number()]);
const count = z.int().positive();
const poolKernel = z.int().min(2).max(5);

/** Networks that judge the middle pixel of a patch. densenet40 has the form without norms in its dense layers, whose weights are about. */
export const patchFamilies = [
  'patch-cnn',
  'vgg11',
  'vgg16',
  'resnet18',
  'resnet50',
  'densenet40',
  'densenet121',
] as const;

/**
 * How slices become the grey values that patches are cut from, in this order: axes to LPS, clip, resample (if at all),
 * equalise, crop, pad. The network sees axial slices: x to the left, y to posterior.
 */
export const patchPreprocessSchema = z.strictObject({
  /** HU range to which voxels are clipped first; its ends become the grey values 0 and 1. */
  windowHU: range,
  /**
   * Null: patches are cut from the scan's own pixels, as published, so that a scan of finer pixels shows less body in
   * a patch (`segment` warns when they are unlike those of training). Otherwise the in-plane spacing in mm to which
   * whole slices are resampled before anything else is done to them.
   */
  spacingMm: z.tuple([positive, positive]).nullable(),
  equalise: z.strictObject({
    /** `plain`: the histogram of a slice, 256 bins, becomes flat; `clahe`: that of each tile, with a limit. */
    method: z.enum(['none', 'plain', 'clahe']),
    /** Pixels that are counted: the body's only, so that air does not decide, or all of the slice. */
    histogram: z.enum(['body', 'slice']),
    /** Of `clahe`: how many times the mean a bin may hold. */
    clipLimit: positive,
    /** Of `clahe`: tiles [across, down]. */
    tiles: z.tuple([count, count]),
  }),
  /** What is kept of every slice: a rectangle around the body or the liver of the whole scan, or all of it. */
  crop: z.enum(['none', 'body', 'liver']),
  padding: z.strictObject({
    /** Pixels added on all sides; with half a patch every pixel is the middle of a patch. */
    pixels: z.int().min(0),
    /** Their grey value, 0 to 1. */
    value: probability,
  }),
  /** What the channels hold: the slice again and again, its neighbours, or windows of it in HU. */
  channels: z.strictObject({
    source: z.enum(['repeat', 'neighbours', 'windows']),
    count: z.int().min(1).max(9),
    /** Of `neighbours`: wanted distance in mm; the nearest slice is taken (at least one slice away). */
    spacingMm: positive,
    /** Of `windows`: one range for each channel. */
    windowsHU: z.array(range),
  }),
  /** The network gets (grey - mean) / sd: the same numbers for all patches. */
  mean: z.number(),
  sd: positive,
});

export const patchNetworkSchema = z.strictObject({
  family: z.enum(patchFamilies),
  inputChannels: count,
  classes: z.literal(2),
  /** `valid`: nothing is padded within a patch, so that dense and patch-wise evaluation agree exactly. */
  padding: z.enum(['same', 'valid']),
  /** Of vgg: `fc`, as published, has two layers of 4096; others are `pooled`. */
  head: z.enum(['pooled', 'fc']),
  /** Of patch-cnn: channels of its first stage; null for the others. */
  baseChannels: count.nullable(),
  /**
   * Of patch-cnn: kernels of its three poolings. With 3, 2, 3 it sees 65 pixels, the judged one exactly in the middle; with
   * 2, 2, 2, as where the field is absent, 60.
   */
  pools: z.tuple([poolKernel, poolKernel, poolKernel]).optional(),
  /** Of resnet: after which of layer1 to layer4 the head comes; 4 where the field is absent. */
  stages: z.int().min(1).max(4).optional(),
  /** Share of features that training leaves out before the last layer; with head `fc` before the last two. */
  dropout: z.number().min(0).max(0.9),
});

export const patchTrainingSchema = z.strictObject({
  seed: z.int().min(0),
  steps: count,
  batchSize: count,
  /** Width and height of a patch in pixels; odd, its class is that of pixel (patchSize - 1) / 2. */
  patchSize: count,
  /**
   * Windows per axis of a training image, `inference.outputStride` apart: the network learns in its dense form, as `segment`
   * uses it, each window from the label of its middle. Absent or 1: single patches.
   */
  windows: z.int().min(1).max(64).optional(),
  /** Middles of training patches lie on every so-manieth pixel and row of the cropped slice; 1: on any. */
  stride: count,
  optimiser: z.strictObject({
    name: z.literal('adam'),
    learningRate: positive,
    beta1: probability,
    beta2: probability,
    epsilon: positive,
    /** L2, decoupled. */
    weightDecay: z.number().min(0),
  }),
  schedule: z.strictObject({
    name: z.enum(['constant', 'polynomial', 'cosine']),
    /** Steps of linear warm-up. */
    warmupSteps: z.int().min(0),
    /** Exponent of the polynomial schedule. */
    power: positive,
  }),
  /** Weights of no lesion and lesion in the cross-entropy. */
  classWeights: z.tuple([z.number().min(0), z.number().min(0)]),
  sampling: z.strictObject({
    /** Chance that a patch has a lesion in its middle. */
    lesion: probability,
    /** Of the others: chance that it is a mined false positive, as soon as there are any. */
    hard: probability,
    /** Of what is left: chance that it lies in the body, but outside the liver. */
    outsideLiver: probability,
    /** `patient`: each patient is equally likely first; `voxel`: each voxel, so that large lesions weigh more. */
    balance: z.enum(['patient', 'voxel']),
  }),
  /** Search for false positives in training slices after epochs. */
  hardNegatives: z.strictObject({
    /** Epochs between two searches; 0: never. */
    everyEpochs: z.int().min(0),
    /** Slices of all training cases together that a search looks at, other ones each time. */
    slices: count,
    /** Most that are kept of each patient. */
    perPatient: count,
    /** Lesion probability from which a pixel without lesion counts. */
    threshold: probability,
  }),
  augmentation: z.strictObject({
    /** Chance of mirroring left and right, and anterior and posterior. */
    flipProbability: z.tuple([probability, probability]),
    /** Chance of swapping the axes. */
    transposeProbability: probability,
    /** Chance of each of: brightness, contrast, noise. */
    intensityProbability: probability,
    /** Largest shift of grey values, either way. */
    shift: z.number().min(0).max(1),
    /** Contrast factor range about the plan's mean. */
    contrast: range,
    /** Largest sd of added noise, in grey values. */
    noise: z.number().min(0).max(1),
  }),
  stepsPerEpoch: count,
  /** Slices of the validation cases that each epoch scores, evenly spread; at the end the best checkpoint scores all. */
  validationSlices: count,
  /** A small beginning: so many slices of each training case and of the validation cases are all there is; null: all are. */
  small: z.strictObject({ trainingSlices: count, validationSlices: count }).nullable(),
  /**
   * Patches are drawn once and what the network's first, frozen layers make of them is computed once and kept, so that the rest
   * trains in seconds; null or absent: patches are drawn for each step and go through the whole network.
   */
  features: z
    .strictObject({
      /** Patches that are drawn. */
      patches: count,
      /** Augmented copies of each, drawn with the seed, in its place; 0: the patch as it is. */
      copies: z.int().min(0),
      /** Most that their features may take, in MB. */
      memoryMB: count,
    })
    .nullable()
    .optional(),
  /** Decay of the moving average of weights that is validated and exported; 0 switches it off. */
  weightAverageDecay: z.number().min(0).max(0.99999),
  transfer: z.strictObject({
    /** File of the first weights; null: all are drawn. */
    weights: z.string().nullable(),
    /** SHA-256 of that file, hex: recorded when the plan is made. */
    sha256: z.string().nullable(),
    /** Layers that do not learn at first, by name or the beginning of it, and the epoch from which they do (null: never). */
    frozen: z.array(z.strictObject({ names: z.array(z.string()), untilEpoch: count.nullable() })),
    /**
     * So many of the network's first parts never learn, whatever their names: of resnet the stem and layer1 to layer4, of vgg what
     * lies between poolings, of densenet its blocks, of patch-cnn its stages. `all`: all but the head. Absent: 0.
     */
    frozenParts: z.union([z.literal('all'), z.int().min(0)]).optional(),
    /** Layers with a learning rate, and perhaps an L2, of their own. */
    groups: z.array(
      z.strictObject({
        names: z.array(z.string()),
        learningRateFactor: z.number().min(0),
        weightDecay: z.number().min(0).nullable(),
      }),
    ),
  }),
});

export const patchInferenceSchema = z.strictObject({
  /** Pixels between the middles of windows. Strides that divide the network's own are cheap; 7 takes many shifted passes. */
  outputStride: count,
  /** One pass over the whole slice, batches of patches, or patch by patch: cost falls from right to left. */
  mode: z.enum(['dense', 'batched', 'patches']),
  /** When the network cannot be made dense: an error that names the layer, or batches of patches. */
  whenNotDense: z.enum(['error', 'batched']),
  /** From windows to pixels, for strides over 1. */
  interpolation: z.enum(['nearest', 'linear']),
  /** Pixels that are judged at all; without a liver mask `liver` means the body. */
  mask: z.enum(['none', 'body', 'liver']),
  /** Patches in a batch of `batched`. */
  batchSize: count,
  /** Tiles of `dense` are made so small that the network's values fit, in MB. */
  memoryMB: count,
});

export const patchPostprocessSchema = z.strictObject({
  /** Lesion is where its probability reaches this. */
  lesionThreshold: probability,
  /** Drop lesions smaller than this, in ml. */
  minLesionMl: z.number().min(0),
  /** Where the liver is known: drop what lies outside of it. */
  lesionsInLiverOnly: z.boolean(),
});

/** The plan of a classifier of patches: lesion or not, pixel by pixel. */
export const patchPlanSchema = z.strictObject({
  version: z.literal(planVersion),
  recipe: z.string(),
  labels: z.array(z.strictObject({ value: z.int().min(0).max(255), name: z.string() })),
  preprocess: patchPreprocessSchema,
  network: patchNetworkSchema,
  training: patchTrainingSchema,
  split: splitSchema,
  inference: patchInferenceSchema,
  postprocess: patchPostprocessSchema,
  fingerprint: fingerprintSchema,
});

export type PatchFamily = (typeof patchFamilies)[number];
export type PatchPlan = z.infer<typeof patchPlanSchema>;
export type PatchPreprocess = z.infer<typeof patchPreprocessSchema>;
export type PatchNetwork = z.infer<typeof patchNetworkSchema>;
export type PatchTraining = z.infer<typeof patchTrainingSchema>;
export type PatchInference = z.infer<typeof patchInferenceSchema>;
export type PatchPostprocess = z.infer<typeof patchPostprocessSchema>;
