import { NetworkError } from '../errors/network-error.ts';
import type { Backend, BackendSession, EngineTensor } from './backend.ts';
import { engineError } from './engine-error.ts';
import type { EngineReply, EngineRequest, EngineResult, NumberedRequest, OpenRequest } from './messages.ts';

/** Sends an answer to the owner; the buffers move. Throws when a message is too big. */
type Post = (reply: EngineReply, transfer: readonly ArrayBuffer[]) => void;

type State = Record<string, Float32Array>;

interface OpenModel {
  readonly session: BackendSession;
  readonly guard: string | undefined;
  /** The state in use, and vectors that the next run may overwrite: they change places. */
  current: State;
  spare: State;
}

const nextPrefix = 'next.';

/**
 * Answers requests with one session of `backend`; the caller waits for one before the next. A 'close' is answered by
 * the thread's end. Never throws.
 */
export function serveEngine(backend: Backend, post: Post): (request: NumberedRequest) => Promise<void> {
  let open: OpenModel | undefined;
  let provider = 'cpu';

  const opened = (): OpenModel => {
    if (open === undefined) throw new NetworkError('closed', 'the engine has no open model');
    return open;
  };

  const openModel = async ({ model, options, state, guard }: OpenRequest) => {
    provider = options.provider;
    const session = await backend.open(model, options);
    const spare = Object.entries(state).map(([name, { length }]) => [name, new Float32Array(length)]);
    open = { session, guard, current: { ...state }, spare: Object.fromEntries(spare) };
    return session.report;
  };

  const run = async (feeds: Readonly<Record<string, EngineTensor>>) => {
    const model = opened();
    const inputs: Record<string, EngineTensor> = { ...feeds };
    for (const [name, data] of Object.entries(model.current)) inputs[name] = { data, dims: [data.length] };
    const spare = Object.entries(model.spare).map(([name, data]) => [nextPrefix + name, data]);
    const results = await model.session.run(inputs, Object.fromEntries(spare));
    const outputs: Record<string, EngineTensor> = {};
    const next: State = {};
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith(nextPrefix)) next[name.slice(nextPrefix.length)] = tensor.data as Float32Array;
      else outputs[name] = tensor;
    }
    const { guard } = model;
    const taken = guard === undefined || (outputs[guard]!.data as Float32Array).every(Number.isFinite);
    [model.current, model.spare] = taken ? [next, model.current] : [model.current, next];
    return outputs;
  };

  const answer = async (request: EngineRequest): Promise<EngineResult> => {
    switch (request.kind) {
      case 'open':
        return openModel(request);
      case 'run':
        return run(request.feeds);
      case 'read-state': {
        const entries = Object.entries(opened().current);
        return Object.fromEntries(entries.map(([name, values]) => [name, values.slice()]));
      }
      case 'write-state': {
        const { current } = opened();
        for (const [name, values] of Object.entries(request.state)) current[name]!.set(values);
        return null;
      }
      case 'close':
        await open?.session.release();
        open = undefined;
        return null;
    }
  };

  return async ({ id, request }) => {
    try {
      const result = await answer(request);
      if (request.kind !== 'close') post({ id, result }, buffersOf(result));
    } catch (cause) {
      const { code, message } = engineError(cause, provider);
      post({ id, error: { code, message } }, []);
    }
  };
}

function buffersOf(result: EngineResult): ArrayBuffer[] {
  return Object.values(result ?? {}).flatMap((value: unknown) => {
    const array = ArrayBuffer.isView(value) ? value : (value as Partial<EngineTensor>).data;
    return array === undefined ? [] : [array.buffer as ArrayBuffer];
  });
}
