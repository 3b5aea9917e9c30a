import { bytesOf, createFieldReader } from './protobuf-reader.ts';
import { readValue } from './read-graph.ts';

/**
 * The declared shape of a model's input: sizes, and names (or `?`) of open axes. `undefined` where there is no such
 * input or its number of axes is open. Passes over nodes and weights, which a model of any size allows at once.
 * Throws a `NetworkError` ('damaged').
 */
export function readInput(model: Uint8Array, name: string): (number | string)[] | undefined {
  const fields = createFieldReader(model, 'ONNX model');
  for (const field of fields(model)) {
    if (field.number !== 7) continue;
    for (const part of fields(bytesOf(field))) {
      if (part.number !== 11) continue;
      const value = readValue(bytesOf(part), fields);
      if (value.name === name) return value.shape?.map((size) => size ?? '?');
    }
  }
  return undefined;
}
