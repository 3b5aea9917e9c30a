import { NetworkError } from '../errors/network-error.ts';
import type { Backend, BackendSession, EngineTensor } from './backend.ts';
import { engineError } from './engine-error.ts';
import { type EngineMemory, openMemory } from './engine-memory.ts';
import type {
  EngineReply,
  EngineRequest,
  EngineResult,
  NumberedRequest,
  OpenRequest,
  RunRequest,
} from './messages.ts';

/** Sends an answer to the owner; the buffers move. Throws when a message is too big. */
type Post = (reply: EngineReply, transfer: readonly ArrayBuffer[]) => void;

interface OpenModel {
  readonly session: BackendSession;
  readonly memory: EngineMemory;
}

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

  const openModel = async ({ model, options, kind: _, ...kept }: OpenRequest) => {
    provider = options.provider;
    const session = await backend.open(model, { ...options, placed: kept.results !== undefined });
    open = { session, memory: await openMemory(backend, kept, options) };
    return session.report;
  };

  const run = async ({ feeds, updates = [], cleared = [] }: RunRequest) => {
    const { session, memory } = opened();
    memory.assertWhole();
    const results = await session.run({ ...feeds, ...memory.inputs }, memory.places());
    await memory.take(results, updates, cleared);
    return Object.fromEntries(Object.entries(results).filter(([name]) => !memory.isKept(name)));
  };

  const answer = async (request: EngineRequest): Promise<EngineResult> => {
    switch (request.kind) {
      case 'open':
        return openModel(request);
      case 'run':
        return run(request);
      case 'read-state':
        return opened().memory.read();
      case 'write-state':
        opened().memory.write(request.state);
        return null;
      case 'close':
        await open?.memory.release();
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
