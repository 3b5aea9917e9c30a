import { describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import type { Backend, EngineTensor } from './backend.ts';
import type { EngineReply, EngineRequest } from './messages.ts';
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

describe.each([true, false])('a backend that writes into given outputs: %s', (fillsOutputs) => {
  async function open(guard?: string) {
    const { ask } = served(adding(fillsOutputs));
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
  const { ask, serve, posted } = served(adding(true));
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
  const big = served(adding(true), (reply) => 'result' in reply);
  expect((await big.ask(request)).reply).toMatchObject({ error: { code: 'out-of-memory' } });
});
