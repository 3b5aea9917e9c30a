import { z } from 'zod';

/** The one description of what `inspect` says: types, validation and the documents of `--json`. */

const vec3 = z.tuple([z.number(), z.number(), z.number()]);

export const findingSchema = z.strictObject({
  severity: z.enum(['info', 'warning', 'error']),
  /** Stable and short, e.g. `missing-slices`. */
  code: z.string(),
  message: z.string(),
  where: z.string().optional(),
});

export const geometryReportSchema = z.strictObject({
  /** Voxels along x, y, z of the stored grid. */
  size: vec3,
  spacingMm: vec3,
  /** Extent of the voxels' outer faces: size times spacing. */
  fieldOfViewMm: vec3,
  /** LPS mm of the centre of the first voxel. */
  originMm: vec3,
  /** Row-major; column j is the unit vector of axis j in LPS. */
  direction: z.array(z.number()).length(9),
  /** One letter an axis: toward which side of the patient its index grows, e.g. `LPS`. */
  orientationCode: z.string(),
  /** The same in words, one phrase an axis. */
  orientationWords: z.array(z.string()).length(3),
  /** Plane in which slices (constant z index) lie. */
  plane: z.enum(['axial', 'coronal', 'sagittal']),
  /** Largest angle between a grid axis and the patient axis nearest to it. */
  obliqueDegrees: z.number(),
});

export const histogramSchema = z.strictObject({
  /** Lower edge of the first bin. */
  low: z.number(),
  binWidth: z.number(),
  counts: z.array(z.int()),
  below: z.int(),
  above: z.int(),
});

export const valuesReportSchema = z.strictObject({
  /** Whether the file itself says that values are Hounsfield units. */
  isHounsfield: z.boolean(),
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  notFinite: z.int(),
  histogram: histogramSchema,
});

export const labelReportSchema = z.strictObject({
  value: z.int(),
  /** From the label table of the dataset; absent when nobody named the value. */
  name: z.string().optional(),
  voxels: z.int(),
  ml: z.number(),
  /** Pieces that do not touch, not even at a corner (26-connected). */
  components: z.int(),
  /** First and last slice index in which it occurs. */
  slices: z.tuple([z.int(), z.int()]),
});

export const itemReportSchema = z.strictObject({
  /** Short and unique in this report. */
  name: z.string(),
  kind: z.enum(['scan', 'labelmap', 'other']),
  /** File, folder or archive, as given or found below what was given. */
  path: z.string(),
  format: z.string(),
  patient: z.string().optional(),
  modality: z.string().optional(),
  studyInstanceUid: z.string().optional(),
  studyDate: z.string().optional(),
  seriesInstanceUid: z.string().optional(),
  seriesNumber: z.string().optional(),
  seriesDescription: z.string().optional(),
  /** Why it was not read, when it was not. */
  notRead: z.string().optional(),
  geometry: geometryReportSchema.optional(),
  values: valuesReportSchema.optional(),
  labels: z.array(labelReportSchema).optional(),
  findings: z.array(findingSchema),
});

export const inspectReportSchema = z.strictObject({
  schema: z.literal('glisson.inspect/1'),
  path: z.string(),
  /** Name of the dataset layout, when the folder is one. */
  layout: z.string().optional(),
  items: z.array(itemReportSchema),
  /** Files that are no images or could not be read, with the reason. */
  skipped: z.array(z.strictObject({ where: z.string(), reason: z.string() })),
  /** About the folder as a whole; those of one item stand with the item. */
  findings: z.array(findingSchema),
});

export type FindingReport = z.infer<typeof findingSchema>;
export type GeometryReport = z.infer<typeof geometryReportSchema>;
export type HistogramReport = z.infer<typeof histogramSchema>;
export type ValuesReport = z.infer<typeof valuesReportSchema>;
export type LabelReport = z.infer<typeof labelReportSchema>;
export type ItemReport = z.infer<typeof itemReportSchema>;
export type InspectReport = z.infer<typeof inspectReportSchema>;
