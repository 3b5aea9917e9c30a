import { describe } from 'vitest';
import { readModel } from '../onnx/read-model.ts';
import { seededNormals } from '../random/seeded-normals.ts';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { declarationsOf } from '../training/declarations.ts';
import { exportModel } from '../training/export-model.ts';
import { initialWeights } from '../training/initialise.ts';
import { openEngine } from './engine.ts';
import { openForeignModel } from './open-foreign-model.ts';
import { createPredictor } from './predictor.ts';

const network = tinyClassifier();
const imageShape = [1, 2, 8, 8];
const weights = initialWeights(network, declarationsOf(network, imageShape), { random: seededNormals(1) });
const model = exportModel({ network, weights, imageShape });

describe('what cannot be opened or run is named', () => {
  const cases: readonly Refusal[] = [
    [
      'createPredictor without model',
      () => createPredictor(untyped(undefined)),
      /^createPredictor: model must be bytes \(a Uint8Array\), found nothing$/,
    ],
    [
      'createPredictor of a path',
      () => createPredictor(untyped('model.onnx')),
      /^createPredictor: model must be bytes .* found 'model\.onnx'$/,
    ],
    [
      'createPredictor of an ArrayBuffer',
      () => createPredictor(untyped(model.buffer)),
      /^createPredictor: model .* found a ArrayBuffer$/,
    ],
    [
      'createPredictor, threads',
      () => createPredictor(model, { threads: 0 }),
      /^createPredictor: threads must be a positive whole number, found 0$/,
    ],
    [
      'createPredictor, providers',
      () => createPredictor(model, untyped({ providers: ['cpu'] })),
      /^createPredictor: there is no option 'providers'; there are provider, threads, signal$/,
    ],
    [
      'createPredictor, null for options',
      () => createPredictor(model, untyped(null)),
      /^createPredictor: expected an object of options .* found null$/,
    ],
    [
      'openEngine, memoryPattern',
      () => openEngine(model, { memoryPattern: untyped('yes') }),
      /^openEngine: memoryPattern must be true or false, found 'yes'$/,
    ],
    [
      'openForeignModel, file',
      () => openForeignModel(untyped('a.onnx'), readModel(model)),
      /^openEngine: model must be bytes/,
    ],
    [
      'run without dims',
      async () => {
        const predictor = await createPredictor(model);
        try {
          return await predictor.run(new Float32Array(128), untyped(undefined));
        } finally {
          await predictor.close();
        }
      },
      /^predictor: dims must be a list of sizes, such as \[1, 3, 256, 256\], found nothing$/,
    ],
  ];
  refuses(cases);
});
