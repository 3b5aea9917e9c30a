import { afterAll, beforeAll, expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { unet2d } from '../models/unet-2d.ts';
import { encodeModel } from '../onnx/encode-model.ts';
import { readInput } from '../onnx/read-input.ts';
import { readModel } from '../onnx/read-model.ts';
import { networkInputs } from '../testing/network-inputs.ts';
import { randomWeights } from '../testing/random-weights.ts';
import { exportModel } from '../training/export-model.ts';
import { createPredictor, type Predictor } from './predictor.ts';

const spec = {
  inputChannels: 1,
  classes: 2,
  baseChannels: 2,
  maxChannels: 4,
  levels: 2,
  convolutionsPerLevel: 1,
};
const network = unet2d(spec);
const imageShape = [1, 1, 8, 8];
const declared = networkInputs('evaluation');
network.forward(scopeOf(declared.source), input('image', imageShape));
const weights = randomWeights(declared, 1);
const open = exportModel({ network, weights, imageShape });
let predictor: Predictor;

beforeAll(async () => {
  predictor = await createPredictor(open, { threads: 1 });
});

afterAll(() => predictor.close());

const run = (dims: readonly number[], length = dims.reduce((a, b) => a * b, 1)) =>
  predictor.run(new Float32Array(length), dims);

test('the shape that a model declares for its images', () => {
  expect(readInput(open, 'image')).toEqual(['N', 1, 'H', 'W']);
  expect(readInput(exportModel({ network, weights, imageShape, size: [8, 12] }), 'image')).toEqual([
    'N',
    1,
    8,
    12,
  ]);
  expect(readInput(open, 'other')).toBeUndefined();
});

test('images that the model does not take are refused before they reach the engine', async () => {
  for (const dims of [
    [1, 3, 8, 8],
    [1, 8, 8],
    [1, 1, 1, 8, 8],
    [1, 1, -8, -8],
    [1, 1, 0.5, 128],
  ]) {
    await expect(run(dims, 64 * (dims[1] === 3 ? 3 : 1))).rejects.toMatchObject({
      code: 'shape-mismatch',
      message: `predictor: the model takes images [N, 1, H, W], found [${dims.join(', ')}]`,
    });
  }
  await expect(run([1, 1, 8, 8], 63)).rejects.toMatchObject({ code: 'shape-mismatch' });
});

test('a model of open size says which sizes fit, and refuses others before they reach the engine', async () => {
  expect(predictor.imageSizes).toEqual({ smallestSize: [2, 2], divisor: 2 });
  expect(predictor.metadata).toEqual({ 'glisson.smallestSize': '[2,2]', 'glisson.divisor': '2' });
  await expect(run([1, 1, 9, 8])).rejects.toMatchObject({
    code: 'shape-mismatch',
    message:
      'predictor: the model takes images with a spatial size divisible by 2, found [1, 1, 9, 8]. Pad it to 10 x 8, say.',
  });
  const small = unet2d({ ...spec, padding: 'valid' });
  const unpadded = await createPredictor(
    exportModel({ network: small, weights, imageShape: [1, 1, 14, 14] }),
  );
  try {
    const { smallestSize, divisor } = small;
    expect(unpadded.imageSizes).toEqual({ smallestSize, divisor });
    const [side] = smallestSize as [number];
    await expect(unpadded.run(new Float32Array(4), [1, 1, 2, 2])).rejects.toThrow(
      `with a spatial size from ${side} x ${side} on, in steps of 2, found [1, 1, 2, 2]. Pad it to ${side} x ${side}, say.`,
    );
    await unpadded.run(new Float32Array(side * (side + 2)), [1, 1, side, side + 2]);
  } finally {
    await unpadded.close();
  }
});

test('a model of fixed size needs no such entries', () => {
  const metadata = { a: 'b' };
  const fixed = exportModel({ network, weights, imageShape, size: [8, 12], metadata });
  expect(readModel(fixed).metadata).toEqual(metadata);
});

test.each<Record<string, string>>([
  {},
  { 'glisson.smallestSize': '[2,2]' },
  { 'glisson.smallestSize': '2,2', 'glisson.divisor': '2' },
  { 'glisson.smallestSize': '[2,2]', 'glisson.divisor': '0' },
])('a model that does not tell its sizes (%j) asks the engine', async (metadata) => {
  const model = await createPredictor(encodeModel({ ...readModel(open), metadata }), { threads: 1 });
  try {
    expect(model.imageSizes).toBeUndefined();
    await expect(model.run(new Float32Array(81), [1, 1, 9, 9])).rejects.toMatchObject({
      code: 'engine-failed',
      message: expect.stringMatching(/failed on an image \[1, 1, 9, 9\]/),
    });
    await model.run(new Float32Array(64), [1, 1, 8, 8]);
  } finally {
    await model.close();
  }
});

test('numbers that cannot move, or have moved already', async () => {
  const image = new Float32Array(64);
  await predictor.run(image, imageShape);
  await expect(predictor.run(image, imageShape)).rejects.toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/0 numbers .* have moved to the engine/),
  });
  const shared = new Float32Array(new SharedArrayBuffer(256));
  await expect(predictor.run(shared, imageShape)).rejects.toMatchObject({ code: 'type-mismatch' });
  await expect(predictor.run(new Float64Array(64) as never, imageShape)).rejects.toMatchObject({
    code: 'type-mismatch',
  });
  expect((await run([0, 1, 8, 8])).dims).toEqual([0, 2, 8, 8]);
  expect((await run([2, 1, 8, 8])).dims).toEqual([2, 2, 8, 8]);
});
