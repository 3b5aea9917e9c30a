import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BackendSession, EngineReport, EngineTensor } from './backend.ts';
import { isUnread, unreadName } from './unread-output.ts';

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
  /** Whether the model is one of `withUnreadOutput`. */
  readonly unread: boolean;
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
      const results = await session.run(inputs, fetches).catch((error: unknown) => {
        if (traits.unread && isUnread(error)) return {} as Record<string, Tensor>;
        throw error;
      });
      const outputs: Record<string, EngineTensor> = {};
      for (const [name, fetched] of Object.entries(fetches)) {
        const place = places[name];
        const result = results[name] as Tensor | undefined;
        // What was written into a given array may come back as another object: the array itself is kept.
        if (place !== undefined && fetched === null) place.data.set(result!.data as Float32Array);
        if (place !== undefined) outputs[name] = place;
        else if (result !== undefined && name !== unreadName) {
          outputs[name] = { data: floatsOf(result.data, traits), dims: result.dims };
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
