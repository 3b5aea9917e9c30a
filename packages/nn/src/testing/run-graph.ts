import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type InputAttributes, inputOperator, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { type ModelDescription, writeModel } from '../onnx/write-model.ts';

/** Runs a graph on ONNX Runtime in this thread, for tests: the counterpart of the float64 `evaluate`. */
export async function runGraph(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  options: Pick<ModelDescription, 'channelBlock' | 'portable'> = {},
): Promise<Float32Array[]> {
  const names = outputs.map((_, index) => `out${index}`);
  const model = writeModel({
    name: 'test',
    ...options,
    outputs: Object.fromEntries(outputs.map((tensor, index) => [names[index]!, tensor])),
  });
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, enableMemPattern: false });
  const inputs: Record<string, OrtTensor> = {};
  for (const tensor of topologicalOrder(outputs)) {
    if (tensor.operator.name !== inputOperator.name) continue;
    const { name } = tensor.attributes as InputAttributes;
    const values = feeds.get(tensor)!;
    inputs[name] =
      tensor.type === 'uint8'
        ? new OrtTensor('uint8', Uint8Array.from(values), tensor.shape)
        : new OrtTensor('float32', Float32Array.from(values), tensor.shape);
  }
  const results = await session.run(inputs);
  await session.release();
  return names.map((name) => results[name]!.data as Float32Array);
}
