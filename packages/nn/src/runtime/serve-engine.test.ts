import { describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import type { Backend, EngineTensor } from './backend.ts';
import type { EngineRequest } from './messages.ts';
import { serveEngine } from './serve-engine.ts';

/** A model by hand: next.count = count + x; report = [1 / x]. Like ONNX Runtime, it writes before it fails. */
function adding(fillsOutputs: boolean): Backend {
  return {
    open: async (_, { provider, threads }) => ({
      report: { runtime: 'by hand', providers: [provider], threads: threads ?? 0, notes: [] },
      run: async (feeds, spare) => {
        const next = fillsOutputs ? spare['next.count']! : new Float32Array(2);
        const step = feeds.x!.data[0]!;
        feeds.count!.data.forEach((value, i) => {
          next[i] = value + step;
        });
        if (step < 0) throw new Error('a negative step');
        const report: EngineTensor = { data: Float32Array.of(1 / step), dims: [1] };
        return { report, 'next.count': { data: next, dims: [2] } };
      },
      release: async () => {},
    }),
  };
}

describe.each([true, false])('a backend that writes into given outputs: %s', (fillsOutputs) => {
  async function open(guard?: string) {
    const serve = serveEngine(adding(fillsOutputs));
    let id = 0;
    const ask = async (request: EngineRequest) => {
      const served = await serve({ id: id++, request });
      expect(served?.reply.id).toBe(id - 1);
      return served!;
    };
    const count = async () => {
      const { reply } = await ask({ kind: 'read-state' });
      return [...(reply as unknown as { result: { count: Float32Array } }).result.count];
    };
    const run = (x: number) => ask({ kind: 'run', feeds: { x: { data: Float32Array.of(x), dims: [] } } });
    const opened = await ask({
      kind: 'open',
      model: new Uint8Array(),
      options: { provider: 'cpu', memoryPattern: false, threads: 3 },
      state: { count: Float32Array.of(10, 20) },
      ...(guard !== undefined && { guard }),
    });
    return { ask, run, count, opened };
  }

  test('answers with the report, and counts up', async () => {
    const { run, count, opened } = await open();
    expect(opened.reply).toMatchObject({ result: { providers: ['cpu'], threads: 3 } });
    expect(opened.transfer).toEqual([]);
    const { reply, transfer } = await run(4);
    expect(reply).toMatchObject({ result: { report: { data: Float32Array.of(0.25), dims: [1] } } });
    expect(Object.keys((reply as { result: object }).result)).toEqual(['report']);
    expect(transfer).toHaveLength(1);
    for (const x of [1, 2, 3]) await run(x);
    expect(await count()).toEqual([20, 30]);
  });

  test('a guard that is not finite keeps the state', async () => {
    const { run, count } = await open('report');
    await run(1);
    await run(0);
    expect(await count()).toEqual([11, 21]);
    await run(2);
    expect(await count()).toEqual([13, 23]);
  });

  test('a run that fails keeps the state, too, and is answered with a typed error', async () => {
    const { run, count } = await open();
    await run(1);
    expect((await run(-5)).reply).toMatchObject({
      error: { code: 'engine-failed', message: 'a negative step' },
    });
    expect(await count()).toEqual([11, 21]);
    await run(2);
    expect(await count()).toEqual([13, 23]);
  });

  test('state that is read is a copy, state that is written is taken over', async () => {
    const { ask, run, count } = await open();
    const { reply } = await ask({ kind: 'read-state' });
    (reply as unknown as { result: { count: Float32Array } }).result.count.fill(-1);
    expect(await count()).toEqual([10, 20]);
    await ask({ kind: 'write-state', state: { count: Float32Array.of(1, 2) } });
    await run(1);
    expect(await count()).toEqual([2, 3]);
  });
});

test('before a model is open, and after close', async () => {
  const serve = serveEngine(adding(true));
  const read = { id: 5, request: { kind: 'read-state' } } as const;
  expect((await serve(read))?.reply).toMatchObject({ id: 5, error: { code: 'closed' } });
  expect(await serve({ id: 6, request: { kind: 'close' } })).toBeUndefined();
  const failing = serveEngine({
    open: () => Promise.reject(new NetworkError('provider-unavailable', 'none')),
  });
  const options = { provider: 'x', memoryPattern: false };
  const request = { kind: 'open', model: new Uint8Array(), options, state: {} } as const;
  expect((await failing({ id: 7, request }))?.reply).toMatchObject({
    error: { code: 'provider-unavailable', message: 'none' },
  });
});
