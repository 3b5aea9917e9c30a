import { z } from 'zod';

/** Raised when a field changes its meaning; segmenting refuses a plan of another version. */
export const foreignPlanVersion = 1;

/** Tells a plan for a foreign network from the plan of a training. */
export const foreignPlanKind = 'foreign-network';

const positive = z.number().positive();
const probability = z.number().min(0).max(1);
const range = z.tuple([z.number(), z.number()]);
const pixels = z.tuple([z.int().positive(), z.int().positive()]);

const channelSchema = z.strictObject({
  windowHU: range.describe('HU range to which voxels are clipped'),
  scaleTo: range
    .nullable()
    .describe(
      'what the ends of the window become, for example `[0, 1]`, `[-1, 1]` or `[0, 255]`; null: HU stay HU',
    ),
  mean: z.number().default(0).describe('taken off after scaling, for example 0.485 or a mean in HU'),
  sd: positive.default(1).describe('divided by after `mean` is taken off'),
  sliceOffset: z
    .int()
    .min(-16)
    .max(16)
    .default(0)
    .describe('which slice: 0 the one that is segmented, 1 the next one toward the head, -1 toward the feet'),
});

const inputSchema = z.strictObject({
  name: z.string().nullable().default(null).describe('input of the model; null: the only one it has'),
  layout: z.enum(['NCHW', 'NHWC']).describe('order of axes: N batch, C channels, H rows, W columns'),
  rows: z
    .enum(['P', 'A', 'L', 'R'])
    .default('P')
    .describe('side of the patient toward which row numbers rise'),
  columns: z
    .enum(['P', 'A', 'L', 'R'])
    .default('L')
    .describe('side of the patient toward which column numbers rise'),
  channels: z.array(channelSchema).min(1).max(64).describe('one entry for each channel, in order'),
  sliceSpacingMm: positive
    .nullable()
    .default(null)
    .describe(
      'distance of the slices that `sliceOffset` counts, as nearly as whole slices allow; null: the next ones',
    ),
  spacingMm: z
    .tuple([positive, positive])
    .nullable()
    .describe('pixel size `[x, y]` in mm to which slices are resampled; null: as they are, or `sliceSizePx`'),
  sliceSizePx: pixels
    .nullable()
    .default(null)
    .describe('pixels `[x, y]` to which each whole slice is resampled, whatever its size in mm'),
});

const tileSchema = z.strictObject({
  size: pixels.describe('pixels `[x, y]` that the network is given at once'),
  multipleOf: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe(
      'the network takes any size that is a multiple of this: tiles fit the body; null: exactly `size`',
    ),
  overlap: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.5)
    .describe('overlap of neighbouring tiles as a share of the tile'),
  mirror: z.boolean().default(false).describe('also predict the left-right mirrored slice and average'),
});

export const labelMeanings = ['background', 'liver', 'whole-liver', 'lesion', 'other'] as const;

const outputSchema = z.strictObject({
  name: z.string().nullable().default(null).describe('output of the model; null: the only one it has'),
  layout: z.enum(['NCHW', 'NHWC', 'NHW']).describe('order of axes; `NHW`: no axis of channels'),
  activation: z
    .enum(['softmax', 'sigmoid', 'none', 'labels'])
    .describe(
      'what makes probabilities of the output: `softmax` over the channels, `sigmoid` of each, `none` (they are), or `labels` (whole numbers)',
    ),
  labels: z
    .array(
      z.strictObject({
        value: z.int().min(0).max(255).describe('number of the channel, or the label itself'),
        meaning: z
          .enum(labelMeanings)
          .describe(
            '`liver` without its lesions, or `whole-liver` with them; `lesion`; `background`; `other`: anything else, taken as background',
          ),
      }),
    )
    .min(1)
    .describe('every channel from 0 on, or every label that may come'),
});

const rulesSchema = z
  .strictObject({
    liverThreshold: probability.default(0.5).describe('liver is where p(liver with lesions) reaches this'),
    lesionThreshold: probability
      .default(0.5)
      .describe('lesion is where p(lesion) reaches this, within the liver'),
    largestLiverOnly: z.boolean().default(true).describe('keep only the largest component of the liver'),
    fillLiverHoles: z.boolean().default(true).describe('fill holes of the liver, slice by slice'),
    lesionsInLiverOnly: z.boolean().default(true).describe('drop lesions that do not touch the kept liver'),
    minLesionMl: z.number().min(0).default(0.03).describe('drop lesions smaller than this'),
    minLiverMl: z.number().min(0).default(50).describe('a liver smaller than this counts as not found'),
  })
  .prefault({});

/** How a network that somebody else made is applied to a scan, slice by slice. */
export const foreignPlanSchema = z.strictObject({
  kind: z.literal(foreignPlanKind).describe('says what this file is'),
  version: z.literal(foreignPlanVersion).describe('of this format'),
  name: z.string().min(1).describe('what reports call the network'),
  model: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('the .onnx file, relative to the plan; `--model` overrules it'),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case')
        .nullable()
        .default(null)
        .describe('of that file; another file is then refused'),
    })
    .prefault({}),
  input: inputSchema,
  tile: tileSchema,
  output: outputSchema,
  postprocess: rulesSchema,
});

/** A plan with its defaults filled in. */
export type ForeignPlan = z.infer<typeof foreignPlanSchema>;
export type ForeignChannel = ForeignPlan['input']['channels'][number];
export type LabelMeaning = (typeof labelMeanings)[number];
