import { NetworkError } from '../errors/network-error.ts';
import { sizeOf } from '../graph/shape.ts';
import type { Backend, BackendSession, EngineTensor, FloatTensor, SessionOptions } from './backend.ts';
import type { EngineState, UpdateCall, VectorPart } from './messages.ts';

/** The vectors of an engine, with what reads and changes them. */
export interface EngineMemory {
  /** Parts of vectors that the model is fed; not copied. */
  readonly inputs: Readonly<Record<string, EngineTensor>>;
  /** Where the outputs of a run go: into vectors, and into new arrays. */
  places(): Readonly<Record<string, FloatTensor>>;
  /** Whether an output goes into a vector, at once or when it is taken. */
  isKept(output: string): boolean;
  /**
   * Takes a run over, where its guard is finite: new vectors, then the updates. Throws what the engine throws; the
   * vectors are then of no use, and everything but `write` is refused.
   */
  take(
    results: Readonly<Record<string, EngineTensor>>,
    updates: readonly UpdateCall[],
    cleared: readonly string[],
  ): Promise<void>;
  /** Copies of the state. Throws a `NetworkError` ('engine-failed') after an update that failed. */
  read(): Record<string, Float32Array>;
  /** Overwrites vectors of the state; all of them make it whole again. */
  write(state: Readonly<Record<string, Float32Array>>): void;
  /** Throws as `read`. */
  assertWhole(): void;
  release(): Promise<void>;
}

/** Beginning of the name of an output that becomes a vector. */
export const nextPrefix = 'next.';

/** So long a piece of every vector of an update, with what lies between, stays in the processor's cache. */
const pieceLength = 2 ** 19;

/** Opens the updates' models and makes room for scratch vectors. */
export async function openMemory(
  backend: Backend,
  {
    state = {},
    scratch = {},
    inputs = [],
    outputs = [],
    results: shapes = {},
    updates = {},
    guard,
  }: Partial<EngineState>,
  options: SessionOptions,
): Promise<EngineMemory> {
  const vectors: Readonly<Record<string, Float32Array>> = {
    ...state,
    ...Object.fromEntries(Object.entries(scratch).map(([name, length]) => [name, new Float32Array(length)])),
  };
  const { profile, ...rest } = options;
  const sessions = new Map<string, BackendSession>();
  for (const [index, [name, model]] of Object.entries(updates).entries()) {
    const own = profile === undefined ? {} : { profile: `${profile}-update${index}` };
    sessions.set(name, await backend.open(model, { ...rest, ...own, placed: true }));
  }
  const part = ({ vector, offset, dims }: VectorPart): FloatTensor => ({
    data: vectors[vector]!.subarray(offset, offset + sizeOf(dims)),
    dims,
  });
  const parts = (all: readonly VectorPart[]) =>
    Object.fromEntries(all.map((each) => [each.name, part(each)]));
  // Another provider has its own memory, and every run its price: vectors go there whole.
  const longest = options.provider === 'cpu' ? pieceLength : Number.POSITIVE_INFINITY;
  let cause: unknown;

  const assertWhole = (): void => {
    if (cause === undefined) return;
    const message = `The engine failed while it changed the weights, which are of no use now: restore a snapshot. (${cause instanceof Error ? cause.message : cause})`;
    throw new NetworkError('engine-failed', message, { cause });
  };

  const update = async (
    { model, vectors: names, numbers, carried }: UpdateCall,
    results: Readonly<Record<string, EngineTensor>>,
  ): Promise<void> => {
    const session = sessions.get(model)!;
    const own = Object.entries(names).map(([name, vector]) => [name, vectors[vector]!] as const);
    const scalars = Object.fromEntries<EngineTensor>([
      ...Object.entries(numbers).map(
        ([name, value]) => [name, { data: Float32Array.of(value), dims: [] }] as const,
      ),
      ...carried.map((name) => [name, results[name]!] as const),
    ]);
    const { length } = own[0]![1];
    for (let from = 0; from < length; from += longest) {
      const to = Math.min(from + longest, length);
      const pieces = own.map(([name, vector]): [string, FloatTensor] => [
        name,
        { data: vector.subarray(from, to), dims: [to - from] },
      ]);
      await session.run(
        { ...scalars, ...Object.fromEntries(pieces) },
        Object.fromEntries(pieces.map(([name, piece]) => [nextPrefix + name, piece])),
      );
    }
  };

  const written = parts(outputs);
  return {
    inputs: parts(inputs),
    places: () => ({
      ...written,
      ...Object.fromEntries(
        Object.entries(shapes).map(([name, dims]) => [name, { data: new Float32Array(sizeOf(dims)), dims }]),
      ),
    }),
    isKept: (output) => output in written || output.startsWith(nextPrefix),
    take: async (results, calls, cleared) => {
      if (guard !== undefined && !(results[guard]!.data as Float32Array).every(Number.isFinite)) return;
      try {
        for (const call of calls) await update(call, results);
      } catch (error) {
        cause = error;
        throw error;
      }
      for (const [name, { data }] of Object.entries(results)) {
        if (name.startsWith(nextPrefix)) vectors[name.slice(nextPrefix.length)]!.set(data);
      }
      for (const name of cleared) vectors[name]!.fill(0);
    },
    read: () => {
      assertWhole();
      return Object.fromEntries(Object.keys(state).map((name) => [name, vectors[name]!.slice()]));
    },
    write: (given) => {
      for (const [name, values] of Object.entries(given)) vectors[name]!.set(values);
      if (Object.keys(state).every((name) => name in given)) cause = undefined;
    },
    assertWhole,
    release: async () => {
      for (const session of sessions.values()) await session.release();
    },
  };
}
