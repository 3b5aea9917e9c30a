import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '../errors/pipeline-error.ts';

/** Reads something from the bytes of a model file. */
export function parseModel<T>(file: string, onnx: Uint8Array, parse: (bytes: Uint8Array) => T): T {
  try {
    return parse(onnx);
  } catch (cause) {
    throw new PipelineError('model-invalid', 'This file is not an ONNX model that can be read.', {
      where: file,
      found: `${onnx.length} bytes; ${(cause as Error).message}`,
      expected: 'a model.onnx written by glisson train, or a foreign one with its plan',
      advice: 'Give the RUN folder of a training, or its model.onnx.',
      cause,
    });
  }
}

/** The model file that is meant by itself or by the RUN folder around it. */
export async function findModelFile(path: string): Promise<string> {
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

/** Hex. */
export function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
