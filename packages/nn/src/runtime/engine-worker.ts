// The engine blocks while it runs, so it lives in this worker thread. One session per worker.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { NetworkError } from '../errors/network-error.ts';
import {
  busyFlag,
  type EngineReply,
  type EngineRequest,
  type EngineResult,
  type EngineTensor,
  type EngineWorkerData,
  type NumberedRequest,
  type OpenRequest,
  stopFlag,
} from './messages.ts';

interface OpenSession {
  readonly session: InferenceSession;
  readonly guard: string | undefined;
  readonly profiled: boolean;
  /** Tensors of the state in use, and of the state that the next run writes: they change places. */
  current: Record<string, Tensor>;
  spare: Record<string, Tensor>;
}

let open: OpenSession | undefined;

function session(): OpenSession {
  if (open === undefined) throw new NetworkError('closed', 'the engine has no open model');
  return open;
}

async function openModel({ model, threads, state, guard, profile }: OpenRequest): Promise<null> {
  const created = await InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A third less memory at no cost in time.
    enableMemPattern: false,
    // Errors are thrown: no second report on stderr.
    logSeverityLevel: 4,
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    // Tiny numbers in the moments of Adam would slow the CPU down by far more than their worth.
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  const tensors = (copy: (values: Float32Array) => Float32Array) =>
    Object.fromEntries(
      Object.entries(state).map(([name, values]) => [
        name,
        new Tensor('float32', copy(values), [values.length]),
      ]),
    );
  open = {
    session: created,
    guard,
    profiled: profile !== undefined,
    current: tensors((values) => values),
    spare: tensors((values) => new Float32Array(values.length)),
  };
  return null;
}

async function run(feeds: Readonly<Record<string, EngineTensor>>): Promise<Record<string, EngineTensor>> {
  const opened = session();
  const inputs: Record<string, Tensor> = { ...opened.current };
  for (const [name, { data, dims }] of Object.entries(feeds)) {
    inputs[name] =
      data instanceof Float32Array ? new Tensor('float32', data, dims) : new Tensor('uint8', data, dims);
  }
  const fetches: Record<string, Tensor | null> = {};
  for (const name of opened.session.outputNames) {
    fetches[name] = name.startsWith('next.') ? opened.spare[name.slice(5)]! : null;
  }
  const results = await opened.session.run(inputs, fetches);
  const outputs: Record<string, EngineTensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    if (name.startsWith('next.')) continue;
    const { data, dims } = tensor as Tensor;
    outputs[name] = { data: Float32Array.from(data as Float32Array), dims };
  }
  const { guard } = opened;
  if (guard === undefined || (outputs[guard]!.data as Float32Array).every(Number.isFinite)) {
    [opened.current, opened.spare] = [opened.spare, opened.current];
  }
  return outputs;
}

function readState(): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(session().current).map(([name, { data }]) => [name, (data as Float32Array).slice()]),
  );
}

function writeState(state: Readonly<Record<string, Float32Array>>): null {
  const { current } = session();
  for (const [name, values] of Object.entries(state)) (current[name]!.data as Float32Array).set(values);
  return null;
}

async function closeModel(): Promise<void> {
  if (open?.profiled) open.session.endProfiling();
  await open?.session.release();
  open = undefined;
  // With its port closed, nothing keeps this thread alive.
  parentPort!.close();
}

async function answer(request: EngineRequest): Promise<EngineResult> {
  switch (request.kind) {
    case 'open':
      return openModel(request);
    case 'run':
      return run(request.feeds);
    case 'read-state':
      return readState();
    case 'write-state':
      return writeState(request.state);
    case 'close':
      await closeModel();
      return null;
  }
}

function buffersOf(result: EngineResult): ArrayBuffer[] {
  return Object.values(result ?? {}).map((value) => {
    const array = ArrayBuffer.isView(value) ? value : (value as EngineTensor).data;
    return array.buffer as ArrayBuffer;
  });
}

async function handle({ id, request }: NumberedRequest): Promise<void> {
  // Busy first: an owner who sets the stop flag then either sees a busy engine, or one that drops the request.
  Atomics.store(flags, busyFlag, 1);
  try {
    if (Atomics.load(flags, stopFlag) !== 0 && request.kind !== 'close') return;
    const result = await answer(request);
    if (request.kind !== 'close') {
      parentPort!.postMessage({ id, result } satisfies EngineReply, buffersOf(result));
    }
  } catch (cause) {
    const error =
      cause instanceof NetworkError
        ? { code: cause.code, message: cause.message }
        : { code: 'engine-failed' as const, message: cause instanceof Error ? cause.message : String(cause) };
    parentPort!.postMessage({ id, error } satisfies EngineReply);
  } finally {
    Atomics.store(flags, busyFlag, 0);
    Atomics.notify(flags, busyFlag);
  }
}

const { flags } = workerData as EngineWorkerData;
let queue = Promise.resolve();
// One request after the other: a run yields to the event loop before it starts.
parentPort!.on('message', (request: NumberedRequest) => {
  queue = queue.then(() => handle(request));
});
