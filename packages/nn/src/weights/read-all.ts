import type { OpenWeights } from './open-weights.ts';
import type { WeightFile } from './safetensors.ts';

/** Reads every array of an open file into memory. @throws NetworkError as `OpenWeights.read` does */
export async function readAllArrays(file: OpenWeights): Promise<WeightFile> {
  const arrays: [string, WeightFile['arrays'][string]][] = [];
  for (const { name } of file.arrays) arrays.push([name, await file.read(name)]);
  return { arrays: Object.fromEntries(arrays), metadata: file.metadata };
}
