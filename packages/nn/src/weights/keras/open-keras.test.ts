import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { NetworkError } from '../../errors/network-error.ts';
import { sizeOf } from '../../graph/shape.ts';
import { testRandom } from '../../testing/numbers.ts';
import { fileSource, memorySource } from '../byte-source.ts';
import { formatLoadReport } from '../mapping/load-report.ts';
import { loadWeights, loadWeightsFrom } from '../mapping/load-weights.ts';
import { planLoad } from '../mapping/plan-load.ts';
import { densenetArrays, vggArrays } from '../networks/array-lists.ts';
import { readAllArrays } from '../read-all.ts';
import { kerasArrays } from './keras-arrays.ts';
import { torchNamesOfKeras } from './keras-names.ts';
import { openKeras } from './open-keras.ts';

/** Writes files as Keras does, and beside them what PyTorch's layout of each array is, made with NumPy. */
const script = `
import json, sys, h5py, numpy as np
folder = sys.argv[1]
rng = np.random.default_rng(1)
def norm(layer, n): return [(f'{layer}/{k}:0', rng.normal(size=n).astype('f4')) for k in ('gamma', 'beta', 'moving_mean', 'moving_variance')]
def make(*shape, type='f4'): return rng.normal(size=shape).astype(type)
layers = [
    ('input_1', []),
    ('conv', [('conv/kernel:0', make(3, 2, 4, 5)), ('conv/bias:0', make(5))]),
    ('conv/bn', norm('conv/bn', 5)),
    ('old', [('old_W_1:0', make(3, 3, 5, 2)), ('old_b_1:0', make(2))]),
    ('old_bn', [('old_bn_gamma:0', make(2)), ('old_bn_beta:0', make(2)), ('old_bn_running_mean:0', make(2)), ('old_bn_running_std:0', make(2))]),
    ('volume', [('volume/kernel:0', make(2, 3, 1, 4, 5))]),
    ('depthwise', [('depthwise/depthwise_kernel:0', make(3, 3, 4, 2))]),
    ('dense', [('dense_1/kernel:0', make(6, 4)), ('dense_1/bias:0', make(4, type='f8'))]),
    ('inner', [('a/kernel:0', make(1, 1, 2, 3)), ('b/kernel:0', make(1, 1, 3, 2))]),
    ('counts', [('counts/bias:0', np.array([1, -2], 'i8'))]),
    ('lstm', [('lstm/recurrent_kernel:0', make(2, 8))]),
]
expected = {}
for layer, weights in layers:
    for name, value in weights:
        kind = name.split('/')[-1].split(':')[0]
        if 'recurrent' in kind: continue
        part = {'gamma': 'weight', 'kernel': 'weight', 'W': 'weight', 'mean': 'running_mean', 'variance': 'running_var', 'std': 'running_var', 'beta': 'bias', 'bias': 'bias', 'b': 'bias'}[kind.replace('_1', '').split('_')[-1]]
        if 'depthwise' in kind: value = value.transpose(2, 3, 0, 1).reshape(8, 1, 3, 3)
        elif value.ndim == 2: value = value.T
        elif value.ndim == 4: value = value.transpose(3, 2, 0, 1)
        elif value.ndim == 5: value = value.transpose(4, 3, 0, 1, 2)
        scope = name.split('/')[0] if layer == 'inner' else layer
        expected[f'{scope}.{part}'] = [list(value.shape), np.ascontiguousarray(value, 'f4').tobytes().hex()]
json.dump(expected, open(f'{folder}/expected.json', 'w'))
def write(group, chunked=False, **options):
    names = np.array([layer.encode() for layer, _ in layers])
    if chunked:
        for i, piece in enumerate(np.array_split(names, 3)): group.attrs[f'layer_names{i}'] = piece
    else: group.attrs['layer_names'] = names
    group.attrs['backend'] = b'tensorflow'
    group.attrs['keras_version'] = '2.4.0'
    for layer, weights in layers:
        g = group.create_group(layer)
        g.attrs['weight_names'] = np.array([name.encode() for name, _ in weights], 'S40')
        for name, value in weights: g.create_dataset(name, data=value, **options)
with h5py.File(f'{folder}/weights.h5', 'w') as f: write(f)
with h5py.File(f'{folder}/model.h5', 'w') as f:
    f.attrs['model_config'] = '{}'
    write(f.create_group('model_weights'), chunks=True, compression='gzip')
with h5py.File(f'{folder}/chunked-names.h5', 'w') as f: write(f, True)
with h5py.File(f'{folder}/keras3.weights.h5', 'w') as f: f.create_dataset('layers/conv2d/vars/0', data=make(3, 3, 1, 2))
with h5py.File(f'{folder}/other.h5', 'w') as f: f.create_dataset('x', data=make(3))
with h5py.File(f'{folder}/missing.h5', 'w') as f:
    write(f)
    del f['conv/conv/kernel:0']
with h5py.File(f'{folder}/linked.h5', 'w') as f:
    write(f)
    del f['conv/conv/kernel:0']
    f['conv/conv/kernel:0'] = h5py.ExternalLink('weights.h5', '/conv/conv/kernel:0')
with h5py.File(f'{folder}/circle.h5', 'w') as f:
    write(f)
    f['conv/again'] = f['/']
with h5py.File(f'{folder}/half.h5', 'w') as f:
    f.attrs['layer_names'] = np.array([b'a'])
    f.create_group('a').attrs['weight_names'] = np.array([b'a/bias:0'])
    f.create_dataset('a/a/bias:0', data=make(3, type='f2'))
with h5py.File(f'{folder}/never-written.h5', 'w') as f:
    f.attrs['layer_names'] = np.array([b'a'])
    f.create_group('a').attrs['weight_names'] = np.array([b'a/kernel:0'])
    f.create_dataset('a/a/kernel:0', (20000, 20000), 'f4')
`;

const hasH5py = hasSystemTools(['python3-h5py']);
const h5py = (name: string) => needs(['python3-h5py'], name);

describe('files of h5py', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-keras-'));
  const at = (name: string) => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(() => {
    if (hasH5py) execFileSync(debianPython, ['-c', script, folder]);
  });
  const open = async (name: string) => openKeras(await fileSource(at(name)));

  for (const name of ['weights.h5', 'model.h5', 'chunked-names.h5']) {
    test.skipIf(!hasH5py)(
      h5py(`${name}: kernels, norms and dense layers in PyTorch's layout, bit for bit`),
      async () => {
        const expected: Record<string, [number[], string]> = JSON.parse(
          readFileSync(at('expected.json'), 'utf8'),
        );
        const file = await open(name);
        const { arrays } = await readAllArrays(file);
        await file.close();
        expect(Object.keys(arrays)).toEqual(Object.keys(expected));
        for (const [key, { shape, values }] of Object.entries(arrays)) {
          expect([key, shape, Buffer.from(values.buffer).toString('hex')]).toEqual([key, ...expected[key]!]);
        }
        expect(file.leftOut).toEqual([
          {
            name: 'lstm/lstm/recurrent_kernel:0',
            reason: "'recurrent_kernel' is no variable of a convolution, dense layer or norm",
          },
        ]);
      },
    );
  }

  for (const [name, code, message] of [
    ['keras3.weights.h5', 'unsupported', /Keras 3.*model.save\('model.h5'\)/],
    ['other.h5', 'unsupported', /no attribute layer_names/],
    ['missing.h5', 'damaged', /lists 'conv\/kernel:0' of layer 'conv', and has no such array/],
    ['linked.h5', 'damaged', /lists 'conv\/kernel:0' of layer 'conv', and has no such array/],
    ['circle.h5', 'damaged', /nested more than 32 deep|more than 200000 objects/],
    ['never-written.h5', 'unsupported', /would take 1600000000 bytes, the file has \d{4}\./],
  ] as const) {
    test.skipIf(!hasH5py)(h5py(`${name} is refused with its reason`), async () => {
      const result = open(name);
      await expect(result).rejects.toThrow(message);
      await expect(result).rejects.toMatchObject({ name: 'NetworkError', code });
    });
  }

  test.skipIf(!hasH5py)(h5py('half precision is left out by name'), async () => {
    const file = await open('half.h5');
    expect(file.arrays).toEqual([]);
    expect(file.leftOut).toEqual([{ name: 'a/a/bias:0', reason: 'numbers of a type that is not read' }]);
    await expect(file.read('a.bias')).rejects.toThrow(/no array 'a.bias'/);
    await file.close();
  });

  test.skipIf(!hasH5py)(
    h5py('cut or changed files give arrays or a typed error, also where the library breaks'),
    async () => {
      const good = readFileSync(at('weights.h5'));
      const random = testRandom(3);
      let failed = 0;
      const tried = 16;
      for (let i = 0; i < tried; i++) {
        const bytes = Buffer.from(good);
        for (let k = 0; k < 1 + (i % 3); k++) {
          bytes[Math.floor(random.uniform() * 6000)] =
            random.uniform() < 0.3 ? 255 : Math.floor(random.uniform() * 256);
        }
        const piece = i % 4 === 0 ? bytes.subarray(0, Math.floor(random.uniform() * bytes.length)) : bytes;
        try {
          const file = await openKeras(memorySource(piece, 'k.h5'), { patience: 3000 });
          try {
            await readAllArrays(file);
          } finally {
            await file.close();
          }
        } catch (error) {
          failed++;
          if (!(error instanceof NetworkError)) throw error;
        }
      }
      expect(failed).toBeGreaterThan(tried / 4);
    },
  );
});

test('what is no HDF5 is damaged', async () => {
  await expect(openKeras(memorySource(Buffer.from('no HDF5 at all'), 'k.h5'))).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(/^k.h5 cannot be read as HDF5: /),
  });
});

test('two arrays of one name are refused', () => {
  const group = (path: string, attributes: Record<string, string[]>) => ({ path, attributes });
  const dataset = (path: string) => ({ path, shape: [1], type: 'F32' as const });
  const listing = {
    groups: [group('/', { layer_names: ['a'] }), group('/a', { weight_names: ['a/bias:0', 'a/beta:0'] })],
    datasets: [dataset('/a/a/bias:0'), dataset('/a/a/beta:0')],
  };
  expect(() => kerasArrays(listing, 'k.h5')).toThrow("k.h5 has two arrays 'a.bias'.");
});

describe('networks of keras.applications', () => {
  /** By the stages and blocks of the papers, in Keras's names. */
  const vggLayers = (stages: readonly number[]) =>
    stages.flatMap((count, stage) =>
      Array.from({ length: count }, (_, i) => `block${stage + 1}_conv${i + 1}`),
    );
  const densenetLayers = (blocks: readonly number[]) =>
    blocks.flatMap((count, block) => [
      ...Array.from({ length: count }, (_, i) =>
        ['0_bn', '1_conv', '1_bn', '2_conv'].map((part) => `conv${block + 2}_block${i + 1}_${part}`),
      ).flat(),
      ...(block < 3 ? [`pool${block + 2}_bn`, `pool${block + 2}_conv`] : []),
    ]);

  test.each([
    ['VGG16', vggArrays(16, false), [...vggLayers([2, 2, 3, 3, 3]), 'fc1', 'fc2', 'predictions']],
    ['VGG19', vggArrays(19, false), [...vggLayers([2, 2, 4, 4, 4]), 'fc1', 'fc2', 'predictions']],
    [
      'DenseNet121',
      densenetArrays(121),
      ['conv1/conv', 'conv1/bn', ...densenetLayers([6, 12, 24, 16]), 'bn', 'fc1000'],
    ],
    [
      'DenseNet201',
      densenetArrays(201),
      ['conv1/conv', 'conv1/bn', ...densenetLayers([6, 12, 48, 32]), 'bn', 'predictions'],
    ],
  ])('%s: every array has its place', (_, wanted, layers) => {
    const parts = ['weight', 'bias', 'running_mean', 'running_var'];
    const places = torchNamesOfKeras(layers.flatMap((layer) => parts.map((part) => `${layer}.${part}`)))!;
    const found = new Map([...places].map(([from, { name }]) => [name, from]));
    // The layers in the order of the paper are those of torchvision in its order.
    const available = wanted.map(({ name, shape }) => ({ name: found.get(name)!, shape }));
    expect(available.filter(({ name }) => name === undefined)).toEqual([]);
    const order = [...new Set(available.map(({ name }) => name.slice(0, name.lastIndexOf('.'))))];
    expect(order).toEqual(layers);
    const { report } = planLoad(wanted, available, { places, strict: true });
    expect(report.loaded.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
  });

  test('other networks keep their names', () => {
    expect(torchNamesOfKeras(['conv1_conv.weight', 'conv2_block1_0_conv.weight'])).toBe(undefined);
  });

  test("a dense layer's inputs are put from [H, W, C] to [C, H, W]", () => {
    const map = [2, 1, 3];
    const weight = { shape: [2, 6], values: Float32Array.from({ length: 12 }, (_, i) => i) };
    const places = new Map([['fc1.weight', { name: 'classifier.0.weight', flattened: map }]]);
    const load = (shape: number[]) =>
      loadWeights([{ name: 'classifier.0.weight', shape }], { 'fc1.weight': weight }, { places });
    // Row h of channel c was at 3 h + c.
    const expected = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
    const { values, report } = load([2, 6]);
    expect([...values['classifier.0.weight']!]).toEqual(expected);
    expect(formatLoadReport(report)).toContain(
      'classifier.0.weight: inputs in the order of a map [2, 1, 3] put in',
    );
    expect([...load([2, 3, 2, 1]).values['classifier.0.weight']!]).toEqual(expected);
  });

  test('an open Keras file is loaded by torchvision names, and flipped to RGB', async () => {
    const kernel = { shape: [64, 3, 3, 3], values: Float32Array.from({ length: 64 * 27 }, (_, i) => i) };
    const file = {
      format: 'keras' as const,
      arrays: [{ name: 'block1_conv1.weight', shape: kernel.shape, type: 'F32' as const }],
      metadata: {},
      leftOut: [],
      read: async () => kernel,
      close: async () => {},
    };
    const wanted = vggArrays(16, false);
    const { values, report } = await loadWeightsFrom(file, wanted, { flipChannels: true });
    expect(report.loaded).toEqual([{ name: 'features.0.weight', from: 'block1_conv1.weight' }]);
    expect(values['features.0.weight']!).toHaveLength(sizeOf(kernel.shape));
    expect([...values['features.0.weight']!.subarray(0, 27)]).toEqual(
      [18, 9, 0].flatMap((from) => Array.from({ length: 9 }, (_, i) => from + i)),
    );
  });
});
