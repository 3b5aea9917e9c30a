import { describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import type { Backend, BackendSession } from './backend.ts';
import type { EngineReply, EngineRequest } from './messages.ts';
import { serveEngine } from './serve-engine.ts';

/**
 * Models by hand. The first: gradient = 10 x, next.count = count + x, report = [1 / x]; the one of an update:
 * next.value = value + rate gradient. Where x is negative each writes before it fails.
 */
const adding: Backend = {
  open: async (model, { provider, threads }) => ({
    report: { runtime: 'by hand', providers: [provider], threads: threads ?? 0, notes: [] },
    run: async (feeds, places = {}) => (model.length > 0 ? updated(feeds, places) : counted(feeds, places)),
    release: async () => {},
  }),
};

type Run = BackendSession['run'];

function counted(feeds: Parameters<Run>[0], places: NonNullable<Parameters<Run>[1]>) {
  const x = feeds.x!.data[0]!;
  places.gradient!.data.fill(10 * x);
  if (x === -5) throw new Error('a negative step');
  places['next.count']!.data.set(Float32Array.from(feeds.count!.data, (value) => value + x));
  places.report!.data[0] = 1 / x;
  return { ...places };
}

function updated(feeds: Parameters<Run>[0], places: NonNullable<Parameters<Run>[1]>) {
  const next = places['next.value']!;
  const { gradient, value, rate } = feeds;
  for (let i = 0; i < next.data.length; i++) {
    if (gradient!.data[i]! < 0 && i > 0) throw new Error('half an update');
    next.data[i] = value!.data[i]! + rate!.data[0]! * gradient!.data[i]!;
  }
  return { 'next.value': next };
}

/** An engine in this thread: what is asked, and how it is answered. */
function served(backend: Backend, refuse: (reply: EngineReply) => boolean = () => false) {
  const posted: { reply: EngineReply; transfer: readonly ArrayBuffer[] }[] = [];
  const serve = serveEngine(backend, (reply, transfer) => {
    if (refuse(reply)) throw new Error('size exceeds the supported range');
    posted.push({ reply, transfer });
  });
  let id = 0;
  const ask = async (request: EngineRequest) => {
    await serve({ id: id++, request });
    const answer = posted.at(-1)!;
    expect(answer.reply.id).toBe(id - 1);
    return answer;
  };
  return { ask, posted, serve };
}

describe('an engine with state', () => {
  async function open() {
    const { ask } = served(adding);
    const state = async () => {
      const { reply } = await ask({ kind: 'read-state' });
      return (reply as unknown as { result: Record<string, Float32Array> }).result;
    };
    const run = (x: number) =>
      ask({
        kind: 'run',
        feeds: { x: { data: Float32Array.of(x), dims: [] } },
        updates: [
          {
            model: 'add',
            vectors: { value: 'total', gradient: 'slope' },
            numbers: { rate: 2 },
            carried: ['report'],
          },
        ],
      });
    const opened = await ask({
      kind: 'open',
      model: new Uint8Array(),
      options: { provider: 'cpu', memoryPattern: false, threads: 3 },
      state: { count: Float32Array.of(10, 20), total: Float32Array.of(1, 2, 3, 4) },
      scratch: { slope: 4 },
      inputs: [{ name: 'count', vector: 'count', offset: 0, dims: [2] }],
      outputs: [{ name: 'gradient', vector: 'slope', offset: 1, dims: [3] }],
      results: { report: [1], 'next.count': [2] },
      updates: { add: new Uint8Array(1) },
      guard: 'report',
    });
    return { ask, run, state, opened };
  }

  test('answers with the report, counts up, and updates in place', async () => {
    const { run, state, opened } = await open();
    expect(opened.reply).toMatchObject({ result: { providers: ['cpu'], threads: 3 } });
    expect(opened.transfer).toEqual([]);
    const { reply, transfer } = await run(4);
    expect(reply).toMatchObject({ result: { report: { data: Float32Array.of(0.25), dims: [1] } } });
    expect(Object.keys((reply as { result: object }).result)).toEqual(['report']);
    expect(transfer).toHaveLength(1);
    for (const x of [1, 2, 3]) await run(x);
    // The gradient's place begins after the first number.
    expect(await state()).toEqual({
      count: Float32Array.of(20, 30),
      total: Float32Array.of(1, 202, 203, 204),
    });
  });

  test('a guard that is not finite keeps the state', async () => {
    const { run, state } = await open();
    await run(1);
    const before = await state();
    await run(0);
    expect(await state()).toEqual(before);
    await run(2);
    expect((await state()).count).toEqual(Float32Array.of(13, 23));
  });

  test('a run that fails keeps the state, too, and is answered with a typed error', async () => {
    const { run, state } = await open();
    await run(1);
    const before = await state();
    expect((await run(-5)).reply).toMatchObject({
      error: { code: 'engine-failed', message: 'a negative step' },
    });
    expect(await state()).toEqual(before);
    await run(2);
    expect((await state()).count).toEqual(Float32Array.of(13, 23));
  });

  test('an update that fails leaves nothing to read or go on from, until the whole state is written', async () => {
    const { ask, run, state } = await open();
    await run(1);
    const before = await state();
    expect((await run(-1)).reply).toMatchObject({ error: { message: 'half an update' } });
    const refused = {
      error: { code: 'engine-failed', message: expect.stringMatching(/restore a snapshot.*half an update/) },
    };
    expect((await ask({ kind: 'read-state' })).reply).toMatchObject(refused);
    expect((await run(1)).reply).toMatchObject(refused);
    await ask({ kind: 'write-state', state: { count: before.count! } });
    expect((await run(1)).reply).toMatchObject(refused);
    await ask({ kind: 'write-state', state: before });
    expect(await state()).toEqual(before);
    await run(1);
    expect((await state()).count).toEqual(Float32Array.of(12, 22));
  });

  test('state that is read is a copy, state that is written is taken over', async () => {
    const { ask, run, state } = await open();
    (await state()).count!.fill(-1);
    expect((await state()).count).toEqual(Float32Array.of(10, 20));
    await ask({ kind: 'write-state', state: { count: Float32Array.of(1, 2) } });
    await run(1);
    expect((await state()).count).toEqual(Float32Array.of(2, 3));
  });
});

test('before a model is open, and after close', async () => {
  const { ask, serve, posted } = served(adding);
  expect((await ask({ kind: 'read-state' })).reply).toMatchObject({ error: { code: 'closed' } });
  await serve({ id: 1, request: { kind: 'close' } });
  expect(posted).toHaveLength(1);
});

test('what does not open, and what is too big to send, is answered with a typed error', async () => {
  const failing = served({ open: () => Promise.reject(new NetworkError('provider-unavailable', 'none')) });
  const options = { provider: 'x', memoryPattern: false };
  const request = { kind: 'open', model: new Uint8Array(), options, state: {} } as const;
  expect((await failing.ask(request)).reply).toMatchObject({
    error: { code: 'provider-unavailable', message: 'none' },
  });
  const big = served(adding, (reply) => 'result' in reply);
  expect((await big.ask(request)).reply).toMatchObject({ error: { code: 'out-of-memory' } });
});
