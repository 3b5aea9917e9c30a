import { z } from 'zod';

/** Raised when a field changes its meaning; prediction refuses a plan of another version. */
export const planVersion = 1;

const positive = z.number().positive();
const probability = z.number().min(0).max(1);
const range = z.tuple([z.number(), z.number()]);

/** How voxels become network input. The network sees axial slices in LPS order: x to the left, y to posterior. */
export const preprocessSchema = z.strictObject({
  /** HU range to which voxels are clipped before any statistic, interpolation or augmentation. */
  windowHU: range,
  /** In-plane spacing in mm, [x, y], to which slices are resampled; slices themselves keep their distance. */
  spacingMm: z.tuple([positive, positive]),
  /** Neighbouring slices on each side that are stacked as channels: 1 gives three channels. */
  contextSlices: z.int().min(0).max(4),
  /** Wanted distance of context slices in mm; the nearest slice is taken (at least one slice away). */
  contextSpacingMm: positive,
  /** Mean and standard deviation in HU of clipped training voxels inside the body: (hu - mean) / sd. */
  meanHU: z.number(),
  sdHU: positive,
});

export const networkSchema = z.strictObject({
  family: z.literal('unet-2d'),
  inputChannels: z.int().positive(),
  classes: z.int().min(2),
  baseChannels: z.int().positive(),
  maxChannels: z.int().positive(),
  /** Resolutions, the full one included: 5 levels halve four times. */
  levels: z.int().min(2).max(7),
  convolutionsPerLevel: z.int().min(1).max(3),
});

export const augmentationSchema = z.strictObject({
  /** Chance that a patch is rotated and scaled. */
  spatialProbability: probability,
  /** Largest rotation in degrees, either way. */
  rotationDegrees: z.number().min(0).max(180),
  /** Zoom range; 1 keeps the size. */
  scale: range,
  /** Chance of mirroring left and right, and anterior and posterior. */
  flipProbability: z.tuple([probability, probability]),
  /** Chance of each of: brightness shift, contrast, noise, blur. */
  intensityProbability: probability,
  /** Largest brightness shift in HU, either way. */
  shiftHU: z.number().min(0),
  /** Contrast factor range about the mean. */
  contrast: range,
  /** Largest sd of added Gaussian noise in HU. */
  noiseHU: z.number().min(0),
});

export const trainingSchema = z.strictObject({
  seed: z.int().min(0),
  steps: z.int().positive(),
  batchSize: z.int().positive(),
  /** Patch [x, y] in pixels of the resampled grid; divisible by 2^(levels - 1). */
  patchSize: z.tuple([z.int().positive(), z.int().positive()]),
  optimiser: z.strictObject({
    name: z.literal('adam'),
    learningRate: positive,
    beta1: probability,
    beta2: probability,
    epsilon: positive,
    weightDecay: z.number().min(0),
  }),
  schedule: z.strictObject({
    name: z.enum(['constant', 'polynomial', 'cosine']),
    /** Steps of linear warm-up. */
    warmupSteps: z.int().min(0),
    /** Exponent of the polynomial schedule. */
    power: positive,
  }),
  loss: z.strictObject({
    crossEntropyWeight: z.number().min(0),
    diceWeight: z.number().min(0),
    /** Weight of each class in the cross-entropy. */
    classWeights: z.array(z.number().min(0)),
  }),
  /** Chance that a patch is centred on: lesion, liver, anything (they add up to 1). */
  sampling: z.strictObject({ lesion: probability, liver: probability, anywhere: probability }),
  /**
   * What patches centred on lesion are drawn by. `voxel`, also where the field is absent: each case with lesions is
   * equally likely, and in it each voxel. `lesion`: each lesion is equally likely, however small, and lies anywhere in
   * the middle half of the patch.
   */
  lesionDraw: z.enum(['voxel', 'lesion']).optional(),
  augmentation: augmentationSchema,
  /** Steps of an epoch: after each one the validation cases are scored. */
  stepsPerEpoch: z.int().positive(),
  /** Slices of the validation cases that each epoch scores, evenly spread; at the end the best checkpoint scores all. */
  validationSlices: z.int().positive(),
  /** Decay of the moving average of weights that is validated and exported; 0 switches it off. */
  weightAverageDecay: z.number().min(0).max(0.99999),
});

export const splitSchema = z.strictObject({
  train: z.array(z.string()),
  validation: z.array(z.string()),
  test: z.array(z.string()),
  /** Case to patient, so that anybody can check that no patient is on two sides. */
  patients: z.record(z.string(), z.string()),
});

export const inferenceSchema = z.strictObject({
  /** Tile [x, y] in pixels of the resampled grid. */
  tileSize: z.tuple([z.int().positive(), z.int().positive()]),
  /** Overlap of neighbouring tiles as a share of the tile. */
  overlap: z.number().min(0).max(0.9),
  /** Also predict the left-right mirrored slice and average. */
  mirror: z.boolean(),
});

export const postprocessSchema = z.strictObject({
  /** Liver is where p(liver) + p(lesion) reaches this. */
  liverThreshold: probability,
  /** Lesion is where p(lesion) reaches this, within the liver by `liverThreshold`. */
  lesionThreshold: probability,
  /** Keep only the largest 3-D component of the liver. */
  largestLiverOnly: z.boolean(),
  /** Fill holes of the liver, slice by slice. */
  fillLiverHoles: z.boolean(),
  /** Drop lesions that do not touch the kept liver. */
  lesionsInLiverOnly: z.boolean(),
  /** Drop lesions smaller than this, in ml. */
  minLesionMl: z.number().min(0),
  /** A liver smaller than this counts as not found, in ml. */
  minLiverMl: z.number().min(0),
});

/** What the training scans looked like: prediction warns about scans outside. */
export const fingerprintSchema = z.strictObject({
  cases: z.int().positive(),
  patients: z.int().positive(),
  /** Smallest and largest over the training cases. */
  spacingMm: z.tuple([range, range, range]),
  sizeVoxels: z.tuple([range, range, range]),
  fieldOfViewMm: z.tuple([range, range, range]),
  /** Smallest and largest voxel before clipping. */
  rangeHU: range,
  /** 0.5, 50 and 99.5 percentile inside liver and lesion, HU. */
  liverPercentilesHU: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  lesionPercentilesHU: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  liverVolumeMl: range.nullable(),
  lesionVoxelShare: z.number().min(0),
  /** SHA-256 over the hashes of all files, in order of case. */
  dataHash: z.string(),
});

export const planSchema = z.strictObject({
  version: z.literal(planVersion),
  recipe: z.string(),
  labels: z.array(z.strictObject({ value: z.int().min(0).max(255), name: z.string() })),
  preprocess: preprocessSchema,
  network: networkSchema,
  training: trainingSchema,
  split: splitSchema,
  inference: inferenceSchema,
  postprocess: postprocessSchema,
  fingerprint: fingerprintSchema,
});

export type Plan = z.infer<typeof planSchema>;
export type PreprocessPlan = z.infer<typeof preprocessSchema>;
export type NetworkPlan = z.infer<typeof networkSchema>;
export type TrainingPlan = z.infer<typeof trainingSchema>;
export type AugmentationPlan = z.infer<typeof augmentationSchema>;
export type SplitPlan = z.infer<typeof splitSchema>;
export type InferencePlan = z.infer<typeof inferenceSchema>;
export type PostprocessPlan = z.infer<typeof postprocessSchema>;
export type Fingerprint = z.infer<typeof fingerprintSchema>;
