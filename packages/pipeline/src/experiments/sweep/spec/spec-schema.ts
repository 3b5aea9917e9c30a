import { z } from 'zod';
import { samplerNames } from '../samplers/samplers.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const scalars = z.union([scalar, z.array(scalar)]);
const count = z.int().positive();
const fields = z.record(z.string(), z.json());
const ends = z.tuple([z.number(), z.number()]);
const names = z.union([z.string(), z.array(z.string()).min(1)]);

/** One entry of `space`. Exactly one of the first four says what is tried. */
export const dimensionSchema = z.strictObject({
  /** Values, or values by the label that names them in tables. */
  choice: z.union([z.array(z.json()).min(1), z.record(z.string(), z.json())]).optional(),
  /** Smallest and largest number, all equally likely. */
  uniform: ends.optional(),
  /** The same in the logarithm: for what matters by its factor, such as learning rates. */
  loguniform: ends.optional(),
  /** Whole numbers from the first to the second. */
  int: ends.optional(),
  /** Of a range: how many of its values a grid tries. */
  points: count.optional(),
  /** The plan's field; default: the entry's own name. Two entries may set one field, each under its own conditions. */
  field: z.string().optional(),
  /** It varies only where these dimensions or fields have these values: one, a list of them, or `not` them. */
  when: z.record(z.string(), z.union([scalars, z.strictObject({ not: scalars })])).optional(),
});

/** A recipe under the name that the sweep gives it. */
export const recipeEntrySchema = z.strictObject({
  recipe: z.string(),
  /** Where its first weights come from, in a word for the tables: ImageNet, CIFAR-10, phantoms. Default: the file's name, or `random`. */
  weights: z.string().optional(),
  /** Fields of the plan, over those of the sweep. */
  set: fields.optional(),
});

/** A sweep as people write it. */
export const specSchema = z.strictObject({
  name: z.string().min(1),
  /** Folder of labelled scans, from the working directory. */
  data: z.string().min(1),
  split: z.strictObject({
    /** Inner patients: checkpoints, thresholds, early stopping, ranking and the winner are chosen on them. */
    validation: names,
    /** Patients that only the winner is scored on, once, at the end. */
    test: names.optional(),
  }),
  /** The recipe of all trials; or several under names of their own, which are then varied. */
  recipe: z.string().optional(),
  recipes: z.union([z.array(z.string()).min(1), z.record(z.string(), recipeEntrySchema)]).optional(),
  /** Fields of the plan that are the same in all trials. */
  set: fields.optional(),
  space: z.record(z.string(), dimensionSchema),
  sampler: z
    .strictObject({
      name: z.enum(samplerNames),
      /** Of what is drawn; the seed of trainings is the field training.seed. */
      seed: z.int().min(0).optional(),
      /** Of tpe: trials of a Latin hypercube that come first; default 10. */
      startup: count.optional(),
    })
    .optional(),
  /** The sweep ends when either is used up. */
  budget: z.strictObject({ trials: count.optional(), minutes: z.number().positive().optional() }).optional(),
  /** Trials at a time; default: as many as the cores hold. With one the sweep is reproducible. */
  workers: count.optional(),
  /** Threads of a trial's engine; default 1. */
  threads: count.optional(),
  /** Ends poor trials early; default: none is. */
  stopping: z
    .strictObject({
      method: z.enum(['asha', 'none']),
      /** Epochs before the first decision. Default 1. */
      minEpochs: count.optional(),
      /** One in so many goes on at each decision, and decisions come after so many times more epochs. Default 3. */
      factor: z.int().min(2).optional(),
    })
    .optional(),
  /** What is maximised, on the validation patients. Default lesionDice. */
  objective: z.enum(['lesionDice', 'liverDice', 'score']).optional(),
});

export type WrittenSpec = z.infer<typeof specSchema>;
export type WrittenDimension = z.infer<typeof dimensionSchema>;
export type Objective = NonNullable<WrittenSpec['objective']>;
