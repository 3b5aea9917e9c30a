import { z } from 'zod';
import { hashJson } from '../plan/plan-text.ts';

/** What folds.json holds: the patients of a data set, divided once, and which files were divided. */
export const foldsSchema = z.strictObject({
  schema: z.literal('glisson.folds/1'),
  seed: z.int().min(0),
  /** What patients were dealt by: volume of their lesions, or nothing where no labels are there. */
  stratifiedBy: z.literal('lesionMl').nullable(),
  /** Patients of each fold; fold 1 is the first. */
  folds: z.array(z.array(z.string().min(1)).min(1)).min(2),
  patients: z.record(
    z.string(),
    z.strictObject({
      cases: z.array(z.string()).min(1),
      /** Mean over the patient's scans; null where no labels are there. */
      lesionMl: z.number().min(0).nullable(),
    }),
  ),
  /** Case to SHA-256 over its files, scan and labels. */
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')),
});

export type Folds = z.infer<typeof foldsSchema>;

/** SHA-256 by which runs name the folds that they were made on; the order of fields does not matter. */
export function foldsHash(folds: Folds): string {
  return hashJson(folds);
}
