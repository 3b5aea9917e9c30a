import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { z } from 'zod';
import { hashJson } from '../plan/plan-text.ts';
import type { CaseSummary } from './case-summary.ts';
import { createHistogram, histogramBins } from './hu-histogram.ts';

/** Raised whenever `summariseCase` gives another summary for the same files. */
const codeVersion = 'summary-1';

const numbers3 = z.tuple([z.number(), z.number(), z.number()]);
/** Bins that are not empty: first bin, then the counts from there on. */
const packedHistogram = z.strictObject({
  first: z.int().min(0),
  counts: z.array(z.number().min(0)).max(histogramBins),
});
const packedSummary = z.strictObject({
  id: z.string(),
  patient: z.string(),
  size: numbers3,
  spacingMm: numbers3,
  rangeHU: z.tuple([z.number(), z.number()]),
  histogram: packedHistogram,
  liverHistogram: packedHistogram,
  lesionHistogram: packedHistogram,
  liverVoxels: z.number(),
  lesionVoxels: z.number(),
  liverMl: z.number(),
  findings: z.array(
    z.strictObject({
      severity: z.enum(['info', 'warning', 'error']),
      code: z.string(),
      message: z.string(),
      where: z.string().optional(),
    }),
  ),
});
const fileSchema = z.strictObject({
  schema: z.literal('glisson.summary/1'),
  sha256: z.string(),
  summary: packedSummary,
});

function pack(histogram: Float64Array): z.infer<typeof packedHistogram> {
  const first = Math.max(
    0,
    histogram.findIndex((count) => count > 0),
  );
  return { first, counts: [...histogram.subarray(first, histogram.findLastIndex((count) => count > 0) + 1)] };
}

function unpack({ first, counts }: z.infer<typeof packedHistogram>): Float64Array {
  const histogram = createHistogram();
  histogram.set(counts.slice(0, histogramBins - first), first);
  return histogram;
}

/**
 * The summary of a case from the cache, or made by `make` and kept. A damaged entry is made again; a cache that cannot
 * be written is done without.
 * @param hash SHA-256 over the files of the case; its name and patient count, too
 */
export async function cachedSummary(
  folder: string,
  named: { readonly id: string; readonly patient: string; readonly hash: string },
  make: () => Promise<CaseSummary>,
): Promise<CaseSummary> {
  const key = hashJson({ code: codeVersion, id: named.id, patient: named.patient, files: named.hash });
  const path = join(folder, `${key}.summary.json`);
  const text = await readFile(path, 'utf8').catch(() => 'null');
  const kept = parse(text);
  if (kept !== undefined) return kept;
  const made = await make();
  const { histogram, liverHistogram, lesionHistogram } = made;
  const summary = {
    ...made,
    histogram: pack(histogram),
    liverHistogram: pack(liverHistogram),
    lesionHistogram: pack(lesionHistogram),
  };
  const file = { schema: 'glisson.summary/1', sha256: hashJson(summary), summary };
  await writeFileWhole(path, JSON.stringify(file)).catch(() => {});
  return made;
}

function parse(text: string): CaseSummary | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const file = fileSchema.safeParse(json);
  if (!file.success || file.data.sha256 !== hashJson(file.data.summary)) return undefined;
  const { histogram, liverHistogram, lesionHistogram, ...rest } = file.data.summary;
  return {
    ...rest,
    histogram: unpack(histogram),
    liverHistogram: unpack(liverHistogram),
    lesionHistogram: unpack(lesionHistogram),
  };
}
