import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readModelMetadata } from '@glisson/nn/onnx/read-metadata';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import { planHash } from '../plan/plan-text.ts';
import { parsePlanText } from '../plan/read-plan.ts';

/** A trained network with the plan that says how to use it. */
export interface LoadedModel {
  readonly plan: Plan;
  /** The plain ONNX model. */
  readonly onnx: Uint8Array;
  /** SHA-256 of the model file, hex. */
  readonly hash: string;
  /** SHA-256 of the plan, as training reports it: see `planHash`. */
  readonly planHash: string;
  /** The model file that was read. */
  readonly path: string;
}

/** Where an exported model keeps the JSON text of its plan. */
export const planMetadataKey = 'glisson.plan';

/**
 * Loads a model from a RUN folder (its `model.onnx`) or from an .onnx file. The plan is always the one inside
 * the model, so that a model works wherever it is copied.
 * @throws PipelineError `model-invalid` when nothing is there, the file is no ONNX model or holds no plan;
 * `plan-version` and `plan-invalid` as `parsePlanText`
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const file = await findModelFile(path);
  const onnx = new Uint8Array(await readFile(file));
  let metadata: Record<string, string>;
  try {
    metadata = readModelMetadata(onnx);
  } catch (cause) {
    throw new PipelineError('model-invalid', 'This file is not an ONNX model that can be read.', {
      where: file,
      found: `${onnx.length} bytes; ${(cause as Error).message}`,
      expected: 'a model.onnx written by glisson train',
      advice: 'Give the RUN folder of a training, or its model.onnx.',
      cause,
    });
  }
  const text = metadata[planMetadataKey];
  if (text === undefined) {
    throw new PipelineError('model-invalid', 'This model does not say how scans must be prepared for it.', {
      where: file,
      found: `metadata keys: ${Object.keys(metadata).join(', ') || 'none'}`,
      expected: `a plan under the metadata key ${planMetadataKey}`,
      advice: 'Use a model that glisson train has written.',
    });
  }
  const plan = parsePlanText(text, `${file}, metadata ${planMetadataKey}`);
  return { plan, onnx, hash: sha256(onnx), planHash: planHash(plan), path: file };
}

async function findModelFile(path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) {
    throw new PipelineError('model-invalid', 'The model is not there.', {
      where: path,
      expected: 'a RUN folder of glisson train, or its model.onnx',
    });
  }
  if (info.isFile()) return path;
  const file = join(path, 'model.onnx');
  if ((await stat(file).catch(() => undefined))?.isFile() !== true) {
    throw new PipelineError('model-invalid', 'This folder holds no trained model.', {
      where: path,
      expected: 'a file model.onnx, which glisson train writes when it ends',
      advice: 'If the training was stopped, finish it with glisson train --resume.',
    });
  }
  return file;
}

function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
