import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { hashFile } from '../../fingerprint/hash-files.ts';
import type { SplitPlan } from '../../plan/plan.ts';
import { readRun } from '../record/read-run.ts';
import type { EvaluatedModel } from '../record/run-record.ts';

/** The model that made predictions, and how its run divided the patients, as far as that can be told. */
export interface FoundModel extends EvaluatedModel {
  readonly split: SplitPlan | null;
}

interface Provenance {
  readonly file: string;
  readonly sha256: string;
  readonly planSha256: string;
}

/**
 * Finds out whose predictions these are: by the run that was named, else by what `segment` wrote beside its masks
 * (provenance.json). Null when nothing tells.
 * @throws PipelineError `option-invalid` when the predictions are of another model than the run that was named, or of
 * several models; `run-invalid` when the run cannot be read
 */
export async function findEvaluatedModel(prediction: string, run?: string): Promise<FoundModel | null> {
  const provenances = await readProvenances(prediction);
  const hashes = [...new Set(provenances.map(({ sha256 }) => sha256))];
  if (hashes.length > 1) {
    throw new PipelineError('option-invalid', 'The predictions are of several models.', {
      where: prediction,
      found: `${hashes.length} models in ${provenances.length} files provenance.json`,
      expected: 'predictions of one model',
      advice: 'Evaluate those of each model by themselves, or say --no-log.',
    });
  }
  const [provenance] = provenances;
  if (run !== undefined) {
    const record = await readRun(run);
    const hash = record.modelHash ?? (await hashOfModel(record.folder));
    if (provenance !== undefined && hash !== null && provenance.sha256 !== hash) {
      throw new PipelineError('option-invalid', 'These predictions are of another model.', {
        where: prediction,
        found: `predictions of ${provenance.file} (SHA-256 ${provenance.sha256})`,
        expected: `predictions of ${join(run, 'model.onnx')} (SHA-256 ${hash})`,
        advice: 'Name the run that made them with --of, or leave --of out.',
      });
    }
    return { run: record.folder, model: hash, plan: record.planHash, split: record.split };
  }
  if (provenance === undefined) return null;
  const { sha256, planSha256, file } = provenance;
  const found = { run: null, model: sha256, plan: planSha256, split: null };
  const folder = resolve(dirname(file));
  const record = await readRun(folder).catch(() => undefined);
  // Something else may lie there by now.
  if (record?.planHash !== planSha256) return found;
  return { ...found, run: folder, split: record.split };
}

async function hashOfModel(folder: string): Promise<string | null> {
  const model = join(folder, 'model.onnx');
  return (await stat(model).catch(() => undefined))?.isFile() ? hashFile(model) : null;
}

/** Beside a file, in a result folder, or in the result folders of a folder. */
async function readProvenances(prediction: string): Promise<Provenance[]> {
  const isFolder = (await stat(prediction).catch(() => undefined))?.isDirectory() ?? false;
  const folder = isFolder ? prediction : dirname(prediction);
  const own = await readProvenance(folder);
  if (own !== undefined) return [own];
  if (!isFolder) return [];
  const found: Provenance[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const inside = entry.isFile() ? undefined : await readProvenance(join(folder, entry.name));
    if (inside !== undefined) found.push(inside);
  }
  return found;
}

async function readProvenance(folder: string): Promise<Provenance | undefined> {
  try {
    const { schema, model } = JSON.parse(await readFile(join(folder, 'provenance.json'), 'utf8')) as {
      schema?: unknown;
      model?: Partial<Provenance>;
    };
    const { file, sha256, planSha256 } = model ?? {};
    if (schema !== 'glisson.provenance/1') return undefined;
    return typeof file === 'string' && typeof sha256 === 'string' && typeof planSha256 === 'string'
      ? { file, sha256, planSha256 }
      : undefined;
  } catch {
    return undefined;
  }
}
