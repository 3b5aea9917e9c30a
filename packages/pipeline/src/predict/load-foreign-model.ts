import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readModel } from '@glisson/nn/onnx/read-model';
import { PipelineError } from '../errors/pipeline-error.ts';
import { hashJson } from '../plan/plan-text.ts';
import { parseForeignPlan } from '../plan/read-foreign-plan.ts';
import { checkForeignModel } from './foreign/check-model.ts';
import { openForeignPredictor } from './foreign/foreign-predictor.ts';
import type { ForeignModel } from './loaded-model.ts';
import { findModelFile, parseModel, sha256 } from './model-files.ts';

/**
 * Loads a network of somebody else by its plan file, checks that the two fit, and opens it once, so that what the
 * engine does not know is found before any scan is read.
 * @param modelPath default: the file that the plan names
 * @throws PipelineError `model-invalid`, and `plan-version` and `plan-invalid` as `parseForeignPlan`
 */
export async function loadForeignModel(planPath: string, modelPath?: string): Promise<ForeignModel> {
  const plan = parseForeignPlan(await readPlanFile(planPath), planPath);
  if (modelPath === undefined && plan.model.file === null) {
    throw new PipelineError('model-invalid', 'The plan does not say which model it is for.', {
      where: planPath,
      expected: 'model.file',
      advice: 'Set it, or give the .onnx file with --model and the plan with --plan.',
    });
  }
  const path = await findModelFile(modelPath ?? resolve(dirname(planPath), plan.model.file!));
  const onnx = new Uint8Array(await readFile(path));
  const hash = sha256(onnx);
  const expectedHash = plan.model.sha256;
  if (expectedHash !== null && expectedHash !== hash) {
    throw new PipelineError('model-invalid', 'The model is another one than the plan was written for.', {
      where: path,
      found: `SHA-256 ${hash}`,
      expected: `${expectedHash}, the model.sha256 of ${planPath}`,
    });
  }
  const structure = parseModel(path, onnx, readModel);
  const ports = checkForeignModel(structure, plan, path);
  const model: ForeignModel = {
    kind: 'foreign',
    plan,
    planPath,
    onnx,
    structure,
    ports,
    hash,
    planHash: hashJson(plan),
    path,
  };
  try {
    await (await openForeignPredictor(model, { threads: 1 })).close();
  } catch (cause) {
    throw new PipelineError('model-invalid', 'The engine cannot run this model.', {
      where: path,
      found: (cause as Error).message.replace(/\.$/, ''),
      cause,
    });
  }
  return model;
}

async function readPlanFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PipelineError('plan-invalid', 'The plan cannot be read.', {
      where: path,
      found: (cause as Error).message.replace(/\.$/, ''),
      expected: 'a JSON file',
      cause,
    });
  }
}
