import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { relu } from '../operators/elementwise.ts';
import { engineRefusals } from '../testing/engine-refusals.ts';
import { openEngine } from './engine.ts';

const built = (path: string) => new URL(`../../dist/${path}`, import.meta.url).href;

test('a process that exits in the middle of a run ends with its own exit code', async () => {
  const program = `
    const { createTrainer } = await import('${built('training/trainer.js')}');
    const { segmentation } = await import('${built('training/segmentation.js')}');
    const { unet2d } = await import('${built('models/unet-2d.js')}');
    const size = 128;
    const trainer = await createTrainer({
      network: unet2d({ inputChannels: 1, classes: 2, baseChannels: 8, maxChannels: 16, levels: 3, convolutionsPerLevel: 2 }),
      imageShape: [4, 1, size, size], threads: 1, random: { normal: () => 0.1 },
      loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
      optimiser: { name: 'sgd' },
    });
    const batch = () => ({ images: new Float32Array(4 * size * size), targets: new Uint8Array(4 * size * size), learningRate: 1e-3 });
    await trainer.step(batch());
    for (let i = 0; i < 20; i++) trainer.step(batch());
    setTimeout(() => process.exit(7), 30);`;
  const code = await new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], (error) => resolve(error?.code ?? 0));
  });
  expect(code).toBe(7);
});

test('an idle engine does not keep the process alive', async () => {
  const program = `
    const { openEngine } = await import('${built('runtime/engine.js')}');
    const { input } = await import('${built('graph/tensor.js')}');
    const { relu } = await import('${built('operators/elementwise.js')}');
    const { writeModel } = await import('${built('onnx/write-model.js')}');
    await openEngine(writeModel({ name: 'm', outputs: { y: relu(input('x', [2])) } }), { threads: 1 });
    console.log('open');`;
  const output = await new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], { timeout: 60_000 }, (error, stdout) =>
      resolve(error ?? stdout),
    );
  });
  expect(output).toBe('open\n');
});

test('what ONNX Runtime refuses is a typed error, and the engine works on', async () => {
  // An outer sum of 2^48 bytes: more than there are addresses.
  expect(await engineRefusals(2 ** 23)).toMatchObject({
    provider: {
      code: 'provider-unavailable',
      message: expect.stringMatching(/no execution provider 'abacus'\. It has: cpu, /),
    },
    damaged: { code: 'engine-failed' },
    shape: { code: 'engine-failed' },
    working: [1, 1, 1, 1],
    memory: { code: 'out-of-memory', message: expect.stringContaining('281474976.7 MB') },
    after: [1, 1, 1, 1],
    closed: { code: 'closed' },
  });
});

test('an engine reports what runs it', async () => {
  const model = writeModel({ name: 'm', outputs: { y: relu(input('x', [2])) } });
  const engine = await openEngine(model, { threads: 1 });
  expect(engine.report).toEqual({
    runtime: expect.stringMatching(/^onnxruntime-node \d/),
    providers: ['cpu'],
    threads: 1,
    notes: [],
  });
  await engine.close();
});

test('a signal that is set while the model opens', async () => {
  const controller = new AbortController();
  const model = writeModel({ name: 'm', outputs: { y: relu(input('x', [2])) } });
  const opening = openEngine(model, { signal: controller.signal });
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
});

test('numbers of threads that make no sense', async () => {
  const model = writeModel({ name: 'm', outputs: { y: relu(input('x', [2])) } });
  for (const threads of [0, -1, 1.5, Number.NaN]) {
    await expect(openEngine(model, { threads })).rejects.toMatchObject({
      code: 'value-invalid',
      message: `openEngine: threads must be a positive whole number, found ${threads}`,
    });
  }
});

test('a request whose buffers cannot move is refused, and the engine works on', async () => {
  const engine = await openEngine(writeModel({ name: 'm', outputs: { y: relu(input('x', [2])) } }), {
    threads: 1,
  });
  const feeds = { x: { data: Float32Array.of(-1, 2), dims: [2] } };
  const { buffer } = feeds.x.data;
  await expect(engine.send({ kind: 'run', feeds }, [buffer, buffer])).rejects.toMatchObject({
    code: 'type-mismatch',
    message: expect.stringMatching(/cannot move/),
  });
  expect((await engine.send({ kind: 'run', feeds })).y!.data).toEqual(Float32Array.of(0, 2));
  await engine.close();
});
