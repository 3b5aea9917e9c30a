import { tmpdir } from 'node:os';
import { describe } from 'vitest';
import { seededNormals } from '../random/seeded-normals.ts';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { fileSource, memorySource } from './byte-source.ts';
import { importWeights } from './cache/import-weights.ts';
import { pullWeights } from './cache/pull-weights.ts';
import { loadWeights } from './mapping/load-weights.ts';
import { openSafetensors } from './open-safetensors.ts';
import { openWeightFile } from './open-weight-file.ts';
import { weightSources } from './registry.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const folder = tmpdir();
const [source] = weightSources as unknown as [(typeof weightSources)[number]];
const wanted = [{ name: 'fc.bias', shape: [2] }];
const arrays = { 'fc.bias': { shape: [2], values: new Float32Array(2) } };

describe('what is no file, no array and no option is named', () => {
  const cases: readonly Refusal[] = [
    [
      'readSafetensors of a path',
      () => readSafetensors(untyped('a.safetensors')),
      /^readSafetensors: file must be bytes \(a Uint8Array\), found 'a\.safetensors'$/,
    ],
    [
      'writeSafetensors of nothing',
      () => writeSafetensors(untyped(undefined)),
      /^writeSafetensors: content must be \{ arrays, metadata \}, found nothing$/,
    ],
    [
      'writeSafetensors of lists',
      () => writeSafetensors(untyped({ arrays: { a: [1, 2] }, metadata: {} })),
      /^writeSafetensors: arrays must be .* \('a' is \[1, 2\]\)$/,
    ],
    [
      'writeSafetensors, metadata',
      () => writeSafetensors(untyped({ arrays, metadata: { step: 3 } })),
      /^writeSafetensors: metadata must be texts by name, .* \('step' is 3\)$/,
    ],
    [
      'memorySource',
      () => memorySource(untyped([1, 2])),
      /^memorySource: bytes must be bytes .* found \[1, 2\]$/,
    ],
    [
      'fileSource',
      () => fileSource(untyped(undefined)),
      /^fileSource: path must be a text .* found nothing$/,
    ],
    [
      'openSafetensors of a path',
      () => openSafetensors(untyped('a.safetensors')),
      /^openSafetensors: source must be a source of bytes, as fileSource\(path\) .* found 'a\.safetensors'$/,
    ],
    [
      'openWeightFile of bytes',
      () => openWeightFile(untyped(new Uint8Array(3))),
      /^openWeightFile: source must be a source of bytes, .* found a Uint8Array of 3$/,
    ],
    [
      'loadWeights, wanted',
      () => loadWeights(untyped({ 'fc.bias': [2] }), arrays),
      /^loadWeights: wanted must be a list of arrays, \{ name, shape \}, found an object with fc\.bias$/,
    ],
    [
      'loadWeights, arrays',
      () => loadWeights(wanted, untyped([])),
      /^loadWeights: arrays must be arrays by name, .* found \[\]$/,
    ],
    [
      'loadWeights, strict',
      () => loadWeights(wanted, arrays, { strict: untyped('yes') }),
      /^loadWeights: strict must be true or false, found 'yes'$/,
    ],
    [
      'loadWeights, prefix',
      () => loadWeights(wanted, arrays, untyped({ prefix: 'model.' })),
      /^loadWeights: there is no option 'prefix'; there are places, prefixes, /,
    ],
    [
      'importWeights, folder',
      () => importWeights('a.pth', untyped({})),
      /^importWeights: folder must be a text that is not empty, found nothing$/,
    ],
    [
      'importWeights, path',
      () => importWeights(untyped(new URL('file:///a.pth')), { folder }),
      /^importWeights: path must be a text .* found a URL$/,
    ],
    [
      'pullWeights by name',
      () => pullWeights(untyped(source.name), { folder }),
      /^pullWeights: source must be a source, as findSource\(name\) gives, found 'vgg16\.tv_in1k'$/,
    ],
    [
      'pullWeights, only',
      () => pullWeights(source, { folder, only: untyped('features.') }),
      /^pullWeights: only must be a list of beginnings of names, found 'features\.'$/,
    ],
    [
      'seededNormals without seed',
      () => seededNormals(untyped(undefined)),
      /^seededNormals: seed must be a whole number, found nothing$/,
    ],
  ];
  refuses(cases);
});
