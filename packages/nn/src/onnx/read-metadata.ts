import { NetworkError } from '../errors/network-error.ts';
import { bytesOf, createFieldReader } from './protobuf-reader.ts';
import { readEntry } from './read-tensor.ts';

/**
 * The metadata (`metadata_props`) of an ONNX model: reads the outermost fields only, which a model of any size
 * allows at once. Throws a `NetworkError` ('damaged') when the bytes are no ONNX model or are cut off.
 */
export function readModelMetadata(model: Uint8Array): Record<string, string> {
  const fields = createFieldReader(model, 'ONNX model');
  const metadata: [string, string][] = [];
  let hasGraph = false;
  for (const field of fields(model)) {
    hasGraph ||= field.number === 7;
    if (field.number === 14) metadata.push(readEntry(bytesOf(field), fields));
  }
  if (!hasGraph) {
    throw new NetworkError('damaged', 'These bytes are no complete ONNX model: it holds no graph.');
  }
  return Object.fromEntries(metadata);
}
