import { afterEach, describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { sequential } from '../layers/layer.ts';
import { defineNetwork } from '../models/network.ts';
import { unet2d } from '../models/unet-2d.ts';
import { unet3d } from '../models/unet-3d.ts';
import { createPredictor } from '../runtime/predictor.ts';
import { testRandom } from '../testing/numbers.ts';
import type { Batch } from './check-batch.ts';
import { evaluateNetwork } from './evaluate-network.ts';
import { segmentation } from './segmentation.ts';
import { parseState, serialiseState } from './state-file.ts';
import { createTrainer, type Trainer, type TrainerOptions } from './trainer.ts';

const [batchSize, height, width] = [2, 16, 24];
const network = unet2d({
  inputChannels: 2,
  classes: 3,
  baseChannels: 4,
  maxChannels: 8,
  levels: 3,
  convolutionsPerLevel: 2,
});
const open: Trainer[] = [];

async function trainer(seed = 1, more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const created = await createTrainer({
    network,
    imageShape: [batchSize, 2, height, width],
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1, 2] }),
    optimiser: { name: 'adamw', weightDecay: 1e-2 },
    weightAverageDecay: 0.9,
    random: testRandom(seed),
    threads: 2,
    ...more,
  });
  open.push(created);
  return created;
}

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Noise with bright and very bright squares, which are classes 1 and 2. */
function batch(seed: number, learningRate = 5e-3): Batch {
  const random = testRandom(1000 + seed);
  const images = Float32Array.from({ length: batchSize * 2 * height * width }, () => 0.3 * random.normal());
  const targets = new Uint8Array(batchSize * height * width);
  for (let n = 0; n < batchSize; n++) {
    for (const label of [1, 2]) {
      const [top, left] = [Math.floor(random.uniform() * 9), Math.floor(random.uniform() * 17)];
      for (let y = top; y < top + 7; y++) {
        for (let x = left; x < left + 7; x++) {
          targets[(n * height + y) * width + x] = label;
          images[((2 * n + label - 1) * height + y) * width + x]! += 1.5;
        }
      }
    }
  }
  return { images, targets, learningRate };
}

async function run(trained: Trainer, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await trained.step(batch(i));
}

test('a toy problem is learned', async () => {
  const trained = await trainer();
  const first = await trained.step(batch(0));
  for (let i = 1; i < 150; i++) await trained.step(batch(i, 1e-2));
  const last = await trained.step(batch(150));
  expect(first.parts.dice).toHaveLength(3);
  expect(last.loss).toBeLessThan(first.loss / 10);
  expect(Math.min(...last.parts.dice!)).toBeGreaterThan(0.9);
});

describe('bit for bit', () => {
  test('the same seed and batches give the same state; another seed does not', async () => {
    const [a, b, c] = [await trainer(1), await trainer(1), await trainer(2)];
    for (const each of [a, b, c]) await run(each, 0, 4);
    const bytes = await Promise.all([a, b, c].map(async (each) => serialiseState(await each.snapshot())));
    expect(Buffer.compare(bytes[0]!, bytes[1]!)).toBe(0);
    expect(Buffer.compare(bytes[0]!, bytes[2]!)).not.toBe(0);
  });

  test('saved, restored in a new trainer and continued equals unbroken', async () => {
    const unbroken = await trainer();
    await run(unbroken, 0, 6);
    const first = await trainer();
    await run(first, 0, 3);
    const file = serialiseState(await first.snapshot());
    const second = await trainer(7);
    await second.restore(parseState(file));
    expect(second.steps).toBe(3);
    await run(second, 3, 6);
    const [a, b] = [await unbroken.snapshot(), await second.snapshot()];
    expect(a.step).toBe(6);
    expect(Buffer.compare(serialiseState(a), serialiseState(b))).toBe(0);
  });

  test('kernels of this machine: the same bytes twice, and plain ONNX up to rounding', async () => {
    const size = 40;
    const more = {
      network: unet2d({
        inputChannels: 1,
        classes: 2,
        baseChannels: 16,
        maxChannels: 16,
        levels: 2,
        convolutionsPerLevel: 2,
      }),
      imageShape: [batchSize, 1, size, size],
      loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
    };
    const results = [];
    for (const kernels of ['fast', 'fast', 'plain'] as const) {
      const trained = await trainer(1, { ...more, kernels });
      const random = testRandom(9);
      const images = Float32Array.from({ length: batchSize * size * size }, () => random.normal());
      const targets = Uint8Array.from(images, (value) => (value > 0 ? 1 : 0));
      const { loss, gradientNorm } = await trained.step({ images, targets, learningRate: 1e-3 });
      results.push({ loss, gradientNorm, bytes: serialiseState(await trained.snapshot()) });
    }
    const [first, second, plain] = results as [(typeof results)[0], (typeof results)[0], (typeof results)[0]];
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
    expect(first.loss).toBeCloseTo(plain.loss, 5);
    expect(first.gradientNorm / plain.gradientNorm).toBeCloseTo(1, 4);
  });

  test('a snapshot is a copy: later steps leave it alone', async () => {
    const trained = await trainer();
    await run(trained, 0, 1);
    const state = await trained.snapshot();
    const before = serialiseState(state);
    await run(trained, 1, 4);
    expect(Buffer.compare(serialiseState(state), before)).toBe(0);
  });
});

test('steps sent without waiting are done in order', async () => {
  const [a, b] = [await trainer(), await trainer()];
  await run(a, 0, 4);
  await Promise.all([0, 1, 2, 3].map((i) => b.step(batch(i))));
  const states = [await a.snapshot(), await b.snapshot()].map(serialiseState);
  expect(Buffer.compare(states[0]!, states[1]!)).toBe(0);
});

test('a batch that is refused in a queue leaves those behind it alone', async () => {
  const [a, b] = [await trainer(), await trainer()];
  await run(a, 0, 3);
  const wild = batch(9);
  wild.images.fill(3e38);
  const outcomes = await Promise.allSettled([
    b.step(batch(0)),
    b.step(wild),
    b.step(batch(1)),
    b.step(batch(2)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  const states = [await a.snapshot(), await b.snapshot()].map(serialiseState);
  expect(Buffer.compare(states[0]!, states[1]!)).toBe(0);
});

test('a step of a U-Net of volumes moves the weights as finite differences say', async () => {
  const volumes = unet3d({
    inputChannels: 1,
    classes: 2,
    baseChannels: 2,
    maxChannels: 4,
    levels: 2,
    convolutionsPerLevel: 1,
  });
  const shape = [2, 1, 4, 6, 8];
  const random = testRandom(2);
  const images = Float32Array.from({ length: 2 * 4 * 6 * 8 }, () => random.normal());
  const targets = Uint8Array.from(images, (value) => (value > 0.5 ? 1 : 0));
  const trained = await trainer(1, {
    network: volumes,
    imageShape: shape,
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
    optimiser: { name: 'sgd' },
  });
  const learningRate = 1e-3;
  const first = await trained.step({ images: images.slice(), targets: targets.slice(), learningRate });
  const second = await trained.step({ images, targets, learningRate });
  // Along the gradient g, a small step of length r |g| lowers the loss by r |g|^2.
  expect((first.loss - second.loss) / (learningRate * first.gradientNorm ** 2)).toBeCloseTo(1, 1);
});

test('class priors set the bias of the head, and with it the first predictions', async () => {
  const shares = [0.9, 0.08, 0.02];
  const trained = await trainer(1, { classPriors: shares });
  const { arrays } = await trained.snapshot();
  expect([...arrays['parameters/head.bias']!.values]).toEqual(
    shares.map((share) => Math.fround(Math.log(share))),
  );
  await expect(trainer(1, { classPriors: [1, 0, 0] })).rejects.toThrow(/classPriors/);
});

describe('refusals', () => {
  const refusal = async (action: Promise<unknown>): Promise<NetworkError> => {
    const error = await action.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NetworkError);
    return error as NetworkError;
  };

  test('wrong sizes, NaN, bad learning rates: nothing is sent, the trainer works on', async () => {
    const trained = await trainer();
    const good = batch(0);
    expect((await refusal(trained.step({ ...good, images: new Float32Array(5) }))).message).toMatch(
      /step 1: expected images \[2, 2, 16, 24\] \(1536 numbers\) .* found 5 and 768/,
    );
    expect((await refusal(trained.step({ ...good, images: good.images.with(17, Number.NaN) }))).code).toBe(
      'not-finite',
    );
    expect((await refusal(trained.step({ ...good, learningRate: Number.NaN }))).code).toBe('value-invalid');
    await trained.step(good);
    expect(trained.steps).toBe(1);
  });

  test('a loss that is not finite leaves the weights as they were', async () => {
    const trained = await trainer();
    await run(trained, 0, 2);
    const before = serialiseState(await trained.snapshot());
    const wild = batch(2);
    wild.images.fill(3e38);
    const error = await refusal(trained.step(wild));
    expect(error.code).toBe('not-finite');
    expect(error.message).toMatch(/^step 3: /);
    expect(Buffer.compare(serialiseState(await trained.snapshot()), before)).toBe(0);
    await run(trained, 2, 3);
    expect(trained.steps).toBe(3);
  });

  test('running statistics that overflow are refused, although the loss is finite', async () => {
    const trained = await trainer();
    const before = serialiseState(await trained.snapshot());
    const wild = batch(0);
    for (const i of wild.images.keys()) wild.images[i]! *= 1e20;
    const error = await refusal(trained.step(wild));
    expect(error.code).toBe('not-finite');
    expect(error.message).toMatch(
      /^step 1: found the loss \d\S*, the norm of the gradient \d\S*, the check of running statistics NaN/,
    );
    expect(Buffer.compare(serialiseState(await trained.snapshot()), before)).toBe(0);
  });

  test('a step that needs more memory than there is says so, and leaves the state alone', async () => {
    const wide = defineNetwork(
      {
        name: 'wide',
        task: 'segmentation',
        inputChannels: 1,
        classes: 2,
        smallestSize: [1, 1],
        divisor: 1,
      },
      // 2^20 pixels of 2^18 channels: a terabyte.
      sequential([conv(2 ** 18, { kernel: 1, bias: false }), relu, conv(2, { kernel: 1 })]),
    );
    const size = 2 ** 10;
    const trained = await trainer(1, {
      network: wide,
      imageShape: [1, 1, size, size],
      loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
    });
    const before = serialiseState(await trained.snapshot());
    const images = new Float32Array(size * size).fill(1);
    const error = await refusal(
      trained.step({ images, targets: new Uint8Array(size * size), learningRate: 1 }),
    );
    expect(error.code).toBe('out-of-memory');
    expect(Buffer.compare(serialiseState(await trained.snapshot()), before)).toBe(0);
  });

  test('a state of another network is refused, with what differs', async () => {
    const other = await trainer(1, {
      network: unet2d({
        inputChannels: 2,
        classes: 3,
        baseChannels: 6,
        maxChannels: 8,
        levels: 3,
        convolutionsPerLevel: 2,
      }),
    });
    const error = await refusal((await trainer()).restore(await other.snapshot()));
    expect(error.code).toBe('state-mismatch');
    expect(error.message).toMatch(/encoder0\.conv1\.weight is \[6, 2, 3, 3\], expected \[4, 2, 3, 3\]/);
  });

  test('images that do not divide by the network are refused when it is built', async () => {
    expect((await refusal(trainer(1, { imageShape: [batchSize, 2, height, 22] }))).message).toMatch(
      /divisible by 4, found \[2, 2, 16, 22\]/,
    );
  });

  test('an abort ends the engine at once, and what is pending rejects with the reason', async () => {
    const controller = new AbortController();
    const trained = await trainer(1, { signal: controller.signal });
    const pending = Array.from({ length: 40 }, (_, i) => trained.step(batch(i)));
    const settled = Promise.allSettled(pending);
    await pending[0];
    const reason = new Error('stopped by hand');
    controller.abort(reason);
    const results = await settled;
    expect(results.at(-1)).toEqual({ status: 'rejected', reason });
    await expect(trained.step(batch(0))).rejects.toBe(reason);
    await expect(trainer(1, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('a closed trainer says so', async () => {
    const trained = await trainer();
    await trained.close();
    expect((await refusal(trained.step(batch(0)))).code).toBe('closed');
  });
});

test('the exported model equals evaluation, takes any size, and carries its metadata', async () => {
  const trained = await trainer();
  await run(trained, 0, 8);
  for (const averaged of [true, false]) {
    const model = await trained.exportModel({ averaged, metadata: { 'glisson.plan': '{"µ":1}', empty: '' } });
    expect(Buffer.from(model).includes('com.microsoft')).toBe(false);
    const predictor = await createPredictor(model, { threads: 2 });
    expect(predictor.metadata).toMatchObject({ 'glisson.plan': '{"µ":1}', empty: '' });
    const dims = [3, 2, 20, 12];
    const random = testRandom(4);
    const image = Float32Array.from({ length: 3 * 2 * 20 * 12 }, () => random.normal());
    const expected = evaluateNetwork(network, await trained.weights({ averaged }), image, dims);
    const { data, dims: resultDims } = await predictor.run(image, dims);
    expect(image).toHaveLength(0);
    expect(resultDims).toEqual([3, 3, 20, 12]);
    expect(data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0)).toBeLessThan(
      1e-5,
    );
    await expect(predictor.run(new Float32Array(7), [1, 2, 4, 4])).rejects.toThrow(/7 numbers do not fill/);
    await expect(predictor.run(new Float32Array(2 * 6 * 6), [1, 2, 6, 6])).rejects.toThrow(NetworkError);
    await predictor.close();
  }
  await expect(createPredictor(new Uint8Array([1, 2, 3]))).rejects.toThrow(/no complete ONNX model/);
});

test('batches of other types, in shared memory, or sent twice, and both arrays in one buffer', async () => {
  const trained = await trainer();
  const { images, targets, learningRate } = batch(0);
  const shared = new Float32Array(new SharedArrayBuffer(4 * images.length));
  const wrong: [Partial<Record<keyof Batch, unknown>>, RegExp][] = [
    [{ images: Float64Array.from(images) }, /^step 1, images: expected float32 .* found Float64Array/],
    [{ images: Array.from(images) }, /^step 1, images: .* found Array/],
    [{ images: undefined }, /^step 1, images: .* found undefined/],
    [{ images: shared }, /^step 1, images: .* shared memory/],
    [{ targets: Int8Array.from(targets) }, /^step 1, targets: expected uint8 .* found Int8Array/],
  ];
  for (const [part, message] of wrong) {
    await expect(
      trained.step({ images, targets, learningRate, ...part } as Batch),
      String(message),
    ).rejects.toMatchObject({ code: 'type-mismatch', message: expect.stringMatching(message) });
  }
  const both = new ArrayBuffer(4 * images.length + targets.length);
  const oneBuffer = {
    images: new Float32Array(both, 0, images.length),
    targets: new Uint8Array(both, 4 * images.length),
    learningRate,
  };
  oneBuffer.images.set(images);
  oneBuffer.targets.set(targets);
  const { loss } = await trained.step(oneBuffer);
  expect(loss).toBe((await (await trainer()).step(batch(0))).loss);
  await expect(trained.step(oneBuffer)).rejects.toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/found 0 and 0 numbers; buffers that were given once have moved/),
  });
});

test('a state of another network with the same arrays, or without sense, is refused', async () => {
  const trained = await trainer();
  await trained.step(batch(0));
  const state = await trained.snapshot();
  const leaky = unet2d({
    inputChannels: 2,
    classes: 3,
    baseChannels: 4,
    maxChannels: 8,
    levels: 3,
    convolutionsPerLevel: 2,
    activation: 'leakyRelu',
  });
  const other = await trainer(1, { network: leaky });
  await expect(other.restore(state)).rejects.toMatchObject({
    code: 'state-mismatch',
    message: expect.stringMatching(/leaky': it is of another network/),
  });
  const [name, array] = Object.entries(state.arrays)[3]!;
  const broken = { ...array, values: array.values.map((value, i) => (i === 1 ? Number.NaN : value)) };
  for (const change of [
    { step: Number.NaN },
    { step: -1 },
    { arrays: { ...state.arrays, [name]: broken } },
  ]) {
    await expect(trained.restore({ ...state, ...change })).rejects.toMatchObject({ code: 'state-mismatch' });
  }
  expect(trained.steps).toBe(1);
  await trained.restore(state);
});

test('a target that is no class is a mistake; 255 is ignored', async () => {
  const trained = await trainer();
  const wrong = batch(0);
  wrong.targets[5] = 3;
  await expect(trained.step(wrong)).rejects.toMatchObject({
    code: 'value-invalid',
    message: 'step 1: the target at offset 5 is 3, but classes go from 0 to 2; 255 marks what does not count',
  });
  const ignored = batch(0);
  ignored.targets[5] = 255;
  expect((await trained.step(ignored)).updated).toBe(true);
});

test('batch norm over a single number per channel is refused where it is built', async () => {
  const normed = defineNetwork(
    {
      name: 'one pixel',
      task: 'segmentation',
      inputChannels: 1,
      classes: 2,
      smallestSize: [1, 1],
      divisor: 1,
      headBias: 'head.bias',
    },
    sequential({ conv: conv(2, { kernel: 1 }), bn: batchNorm(), head: conv(2, { kernel: 1 }) }),
  );
  const loss = segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] });
  await expect(trainer(1, { network: normed, imageShape: [1, 1, 1, 1], loss })).rejects.toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/^bn: batch norm over one number per channel, \[1, 2, 1, 1\]/),
  });
  expect((await trainer(1, { network: normed, imageShape: [2, 1, 1, 1], loss })).parameterCount).toBe(14);
});

test('a loss that does not fit the network names the line that asked for the trainer', async () => {
  const loss = segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] });
  await expect(trainer(1, { loss })).rejects.toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/built at trainer\.test\.ts:\d+\)$/),
  });
});
