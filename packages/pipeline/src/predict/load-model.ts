import { readFile } from 'node:fs/promises';
import { requiredInputs } from '@glisson/nn/onnx/onnx-model';
import { readModelMetadata } from '@glisson/nn/onnx/read-metadata';
import { readModel } from '@glisson/nn/onnx/read-model';
import { PipelineError } from '../errors/pipeline-error.ts';
import { isPatchPlan } from '../plan/any-plan.ts';
import { planHash } from '../plan/plan-text.ts';
import { parsePlanText } from '../plan/read-plan.ts';
import { describeValues } from './foreign/check-model.ts';
import { loadForeignModel } from './load-foreign-model.ts';
import type { LoadedModel } from './loaded-model.ts';
import { findModelFile, parseModel, sha256 } from './model-files.ts';

/** Where an exported model keeps the JSON text of its plan. */
export const planMetadataKey = 'glisson.plan';

/**
 * Loads a model from a RUN folder (its `model.onnx`) or from an .onnx file. The plan is the one inside the model,
 * so that a model works wherever it is copied.
 *
 * A foreign network has its plan in a file of its own: `planPath`, or `path` itself when that is a .json file,
 * which then names the model. It is opened once, so that what the engine does not know is found here.
 * @throws PipelineError `model-invalid` when nothing is there, the file is no ONNX model, holds no plan or does not
 * fit the given one; `plan-version` and `plan-invalid` as `parsePlanText` and `parseForeignPlan`
 */
export async function loadModel(path: string, planPath?: string): Promise<LoadedModel> {
  if (planPath !== undefined) return loadForeignModel(planPath, path);
  if (path.endsWith('.json')) return loadForeignModel(path);
  const file = await findModelFile(path);
  const onnx = new Uint8Array(await readFile(file));
  const metadata = parseModel(file, onnx, readModelMetadata);
  const text = metadata[planMetadataKey];
  if (text === undefined) {
    const { graph } = parseModel(file, onnx, readModel);
    throw new PipelineError('model-invalid', 'This model does not say how scans must be prepared for it.', {
      where: file,
      found: `metadata keys: ${Object.keys(metadata).join(', ') || 'none'}; inputs: ${describeValues(requiredInputs(graph))}; outputs: ${describeValues(graph.outputs)}`,
      expected: `a plan under the metadata key ${planMetadataKey}, as glisson train writes it`,
      advice:
        'For a network of somebody else, write a plan file and give it with --plan: see docs/how-to/run-a-foreign-onnx-model.md.',
    });
  }
  const plan = parsePlanText(text, `${file}, metadata ${planMetadataKey}`);
  const common = { onnx, hash: sha256(onnx), planHash: planHash(plan), path: file };
  return isPatchPlan(plan) ? { kind: 'patch', plan, ...common } : { kind: 'trained', plan, ...common };
}
