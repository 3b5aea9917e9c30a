import { afterAll, beforeAll, expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { unet2d } from '../models/unet-2d.ts';
import { readInput } from '../onnx/read-input.ts';
import { networkInputs } from '../testing/network-inputs.ts';
import { randomWeights } from '../testing/random-weights.ts';
import { exportModel } from '../training/export-model.ts';
import { createPredictor, type Predictor } from './predictor.ts';

const network = unet2d({
  inputChannels: 1,
  classes: 2,
  baseChannels: 2,
  maxChannels: 4,
  levels: 2,
  convolutionsPerLevel: 1,
});
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

test('a size that the network cannot halve is named', async () => {
  await expect(run([1, 1, 9, 9])).rejects.toMatchObject({
    code: 'engine-failed',
    message: expect.stringMatching(/failed on an image \[1, 1, 9, 9\]/),
  });
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
