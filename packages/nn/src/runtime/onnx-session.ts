import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BackendSession, EngineReport, EngineTensor } from './backend.ts';

/** What the packages `onnxruntime-node` and `onnxruntime-web` have in common. */
export interface OnnxRuntime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** How results get out of one platform's session. */
export interface SessionTraits {
  /** Whether a run writes into output tensors that it is given. */
  readonly fillsOutputs: boolean;
  /** Whether results lie in buffers of their own, which may be transferred. */
  readonly ownsResults: boolean;
  readonly profiled: boolean;
}

/** Wraps an open session of ONNX Runtime. */
export function wrapSession(
  { Tensor: TensorClass }: OnnxRuntime,
  session: InferenceSession,
  report: EngineReport,
  traits: SessionTraits,
): BackendSession {
  const toOnnx = ({ data, dims }: EngineTensor): Tensor =>
    data instanceof Float32Array
      ? new TensorClass('float32', data, dims)
      : new TensorClass('uint8', data, dims);
  return {
    report,
    run: async (feeds, places = {}) => {
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toOnnx(tensor)]),
      );
      const fetches: Record<string, Tensor | null> = {};
      for (const name of session.outputNames) {
        const place = traits.fillsOutputs ? places[name] : undefined;
        fetches[name] = place === undefined ? null : toOnnx(place);
      }
      const outputs: Record<string, EngineTensor> = {};
      for (const [name, result] of Object.entries(await session.run(inputs, fetches))) {
        const { data, dims } = result as Tensor;
        const place = places[name];
        if (place === undefined) outputs[name] = { data: floatsOf(data, traits), dims };
        else {
          // What was written into a given array comes back as another object: the array itself is kept, not copied.
          if (fetches[name] === null) place.data.set(data as Float32Array);
          outputs[name] = place;
        }
      }
      return outputs;
    },
    release: async () => {
      if (traits.profiled) session.endProfiling();
      await session.release();
    },
  };
}

function floatsOf(data: Tensor['data'], { ownsResults }: SessionTraits): Float32Array {
  return data instanceof Float32Array && ownsResults ? data : toFloats(data as ArrayLike<number | bigint>);
}

/** Any numbers as float32, in a buffer of their own; whole numbers of 64 bits come as bigints. */
function toFloats(numbers: ArrayLike<number | bigint>): Float32Array {
  return typeof numbers[0] === 'bigint'
    ? Float32Array.from(numbers, Number)
    : Float32Array.from(numbers as ArrayLike<number>);
}
