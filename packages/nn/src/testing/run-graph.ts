import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { ElementType, Shape } from '../graph/shape.ts';
import { type InputAttributes, inputOperator, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { type ModelDescription, writeModel } from '../onnx/write-model.ts';
import { recordCase } from './record-case.ts';

/**
 * Settings with which ONNX Runtime refuses a model when its own shape inference contradicts a declared shape; otherwise
 * it goes by its own in silence. With `declareValues`, a model declares every value in between.
 */
export const strictShapes = { session: { strict_shape_type_inference: '1' } };

/**
 * Runs a graph on ONNX Runtime in this thread, for tests: the counterpart of the float64 `evaluate`. The shapes of all
 * values in between are declared, and checked against the engine's.
 */
export async function runGraph(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  options: Pick<ModelDescription, 'channelBlock' | 'portable'> = {},
): Promise<Float32Array[]> {
  recordCase(outputs, feeds);
  const names = outputs.map((_, index) => `out${index}`);
  const model = writeModel({
    name: 'test',
    ...options,
    declareValues: true,
    outputs: Object.fromEntries(outputs.map((tensor, index) => [names[index]!, tensor])),
  });
  const inputs = topologicalOrder(outputs).filter(({ operator }) => operator.name === inputOperator.name);
  const results = await runModel(
    model,
    Object.fromEntries(
      inputs.map((tensor) => {
        const { name } = tensor.attributes as InputAttributes;
        return [name, { data: feeds.get(tensor)!, shape: tensor.shape, type: tensor.type }];
      }),
    ),
  );
  return names.map((name) => results[name]!);
}

export interface ModelInput {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  /** Default float32. */
  readonly type?: ElementType;
}

/** Runs an ONNX model on one thread of ONNX Runtime's CPU provider; outputs by name. */
export async function runModel(
  model: Uint8Array,
  inputs: Readonly<Record<string, ModelInput>>,
): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    enableMemPattern: false,
    extra: strictShapes,
  });
  const feeds = Object.entries(inputs).map(([name, { data, shape, type }]) => [
    name,
    type === 'uint8'
      ? new OrtTensor('uint8', Uint8Array.from(data), shape)
      : new OrtTensor('float32', Float32Array.from(data), shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}
