import type { DatasetCase, DatasetLayout } from '@glisson/imaging/datasets/dataset';
import { readCase, readDataset } from '@glisson/imaging/datasets/read-dataset';
import { assertGeometriesAgree } from '@glisson/imaging/geometry/geometry';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { type Labelmap, type LabelTable, liverLabels } from '@glisson/imaging/volume/labelmap';
import type { Finding, Scan } from '@glisson/imaging/volume/scan';
import { PipelineError } from '../errors/pipeline-error.ts';
import { type CaseSummary, summariseCase } from '../fingerprint/case-summary.ts';
import { hashCase } from '../fingerprint/hash-files.ts';
import { cachedSummary } from '../fingerprint/summary-cache.ts';
import type { SplitPlan } from '../plan/plan.ts';
import { hashJson } from '../plan/plan-text.ts';
import type { PreparePlan } from '../preprocess/prepare-volume.ts';
import { type CaseToPrepare, prepareCase } from '../preprocess/prepared-cache.ts';
import type { PreparedCase } from '../preprocess/prepared-case.ts';

/** A labelled case and the SHA-256 over its files. */
export interface HashedCase extends DatasetCase {
  readonly hash: string;
}

export interface TrainingData {
  readonly cases: readonly HashedCase[];
  readonly labels: LabelTable;
  readonly layout: DatasetLayout;
  /** SHA-256 over the hashes of all cases, in order. */
  readonly dataHash: string;
  readonly findings: readonly Finding[];
}

/**
 * Lists the labelled cases of a dataset and hashes their files. Cases without labels are left out, with a finding.
 * @throws PipelineError `data-invalid` when no case is labelled or the labels are not background, liver and lesion;
 * ImagingError as `readDataset` throws
 */
export async function findTrainingData(folder: string, control: TaskControl): Promise<TrainingData> {
  const dataset = await readDataset(folder);
  const findings = [...dataset.findings];
  const names = (table: LabelTable) => table.map((label) => `${label.value} ${label.name}`).join(', ');
  if (names(dataset.labels) !== names(liverLabels)) {
    throw new PipelineError('data-invalid', 'The labels are not those that this recipe trains.', {
      where: folder,
      found: names(dataset.labels),
      expected: names(liverLabels),
      advice: 'Map the label values to these, for example with glisson convert.',
    });
  }
  const labelled = dataset.cases.filter((c) => c.label !== undefined);
  if (labelled.length === 0) {
    throw new PipelineError('data-invalid', 'No case has labels to learn from.', {
      where: folder,
      found: `${dataset.cases.length} cases, layout ${dataset.layout}, none labelled`,
      expected: 'a label image beside each scan',
    });
  }
  for (const { id, label } of dataset.cases) {
    if (label !== undefined) continue;
    findings.push({
      severity: 'warning',
      code: 'case-not-labelled',
      message: 'The case has no labels and is left out.',
      where: id,
    });
  }
  const cases: HashedCase[] = [];
  for (const labelledCase of labelled) {
    control.signal?.throwIfAborted();
    cases.push({ ...labelledCase, hash: await hashCase(labelledCase, control.signal) });
    control.onProgress?.({ stage: 'hash files', done: cases.length, total: labelled.length, unit: 'cases' });
  }
  const dataHash = hashJson(cases.map((c) => [c.id, c.hash]));
  return { cases, labels: dataset.labels, layout: dataset.layout, dataHash, findings };
}

async function readLabelled(
  hashed: HashedCase,
  labels: LabelTable,
  control: TaskControl,
): Promise<{ scan: Scan; labelmap: Labelmap }> {
  const { scan, labelmap } = await readCase(hashed, labels, { signal: control.signal });
  if (labelmap === undefined) {
    throw new PipelineError('data-invalid', 'The labels of a case are gone.', { where: hashed.id });
  }
  assertGeometriesAgree(scan.volume.geometry, labelmap.geometry, [
    `the scan of ${hashed.id}`,
    `the labels of ${hashed.id}`,
  ]);
  return { scan, labelmap };
}

/**
 * Reads cases one after the other and remembers what the fingerprint needs; one is in memory at a time. What an
 * earlier run remembered of the same files is taken from the cache.
 */
export async function summariseCases(
  data: TrainingData,
  ids: readonly string[],
  cache: string,
  control: TaskControl,
): Promise<CaseSummary[]> {
  const summaries: CaseSummary[] = [];
  for (const hashed of data.cases.filter((c) => ids.includes(c.id))) {
    control.signal?.throwIfAborted();
    summaries.push(await cachedSummary(cache, hashed, () => readSummary(hashed, data.labels, control)));
    control.onProgress?.({
      stage: 'fingerprint',
      done: summaries.length,
      total: ids.length,
      unit: 'cases',
      note: hashed.id,
    });
  }
  return summaries;
}

async function readSummary(
  hashed: HashedCase,
  labels: LabelTable,
  control: TaskControl,
): Promise<CaseSummary> {
  const { scan, labelmap } = await readLabelled(hashed, labels, control);
  // The case is named, not the path: the same files may lie elsewhere next time.
  const findings: Finding[] = scan.findings.map((finding) => ({ ...finding, where: hashed.id }));
  if (!scan.isHounsfield && scan.format === 'dicom') {
    findings.push({
      severity: 'warning',
      code: 'not-hounsfield',
      message: 'The voxels are not Hounsfield units by the word of the file.',
      where: hashed.id,
    });
  }
  return summariseCase(hashed.id, hashed.patient, scan.volume, labelmap, findings);
}

export interface PreparedSides {
  readonly train: readonly PreparedCase[];
  readonly validation: readonly PreparedCase[];
  /** The held-out cases where they are watched; none otherwise. */
  readonly test: readonly PreparedCase[];
  readonly fromCache: number;
  readonly findings: readonly Finding[];
  close(): void;
}

/**
 * Prepares training and validation cases, from the cache where it has them. As many as `memoryBytes` hold stay in
 * memory, the others are read slice by slice. Test cases are not touched, unless `watchTest` asks for their curve.
 */
export async function prepareSides(
  data: TrainingData,
  plan: { readonly preprocess: PreparePlan; readonly split: SplitPlan },
  cache: string,
  { memoryBytes, watchTest }: { readonly memoryBytes: number; readonly watchTest: boolean },
  control: TaskControl,
): Promise<PreparedSides> {
  const test = watchTest ? plan.split.test : [];
  const ids = [...plan.split.train, ...plan.split.validation, ...test];
  const prepared = new Map<string, PreparedCase>();
  const findings: Finding[] = [];
  let fromCache = 0;
  let bytes = 0;
  const close = () => {
    for (const one of prepared.values()) one.close();
  };
  try {
    for (const hashed of data.cases.filter((c) => ids.includes(c.id))) {
      control.signal?.throwIfAborted();
      const toPrepare: CaseToPrepare = {
        ...hashed,
        read: async (inner) => {
          const { scan, labelmap } = await readLabelled(hashed, data.labels, inner);
          return { volume: scan.volume, labelmap };
        },
      };
      const entry = await prepareCase(toPrepare, plan.preprocess, cache, bytes < memoryBytes, control);
      const [width, height, depth] = entry.prepared.geometry.size;
      bytes += 3 * width * height * depth;
      prepared.set(hashed.id, entry.prepared);
      findings.push(...entry.findings);
      if (entry.fromCache) fromCache++;
      control.onProgress?.({
        stage: 'preprocess',
        done: prepared.size,
        total: ids.length,
        unit: 'cases',
        note: entry.fromCache ? `${hashed.id} from the cache` : hashed.id,
      });
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    train: plan.split.train.map((id) => prepared.get(id)!),
    validation: plan.split.validation.map((id) => prepared.get(id)!),
    test: test.map((id) => prepared.get(id)!),
    fromCache,
    findings,
    close,
  };
}
