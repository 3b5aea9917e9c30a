import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { sizeOf } from '../../graph/shape.ts';
import { stateDictPickle, torchZip } from '../../testing/write-torch.ts';
import { loadWeights } from '../mapping/load-weights.ts';
import { resnet20Arrays, squeezenetArrays, vggArrays } from '../networks/array-lists.ts';
import { type WeightSource, weightSources } from '../registry.ts';
import { readSafetensors, writeSafetensors } from '../safetensors.ts';
import { listCached } from './cached-weights.ts';
import { importWeights } from './import-weights.ts';

const root = mkdtempSync(join(tmpdir(), 'glisson-import-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder = '';
let number = 0;
beforeEach(() => {
  folder = join(root, `cache-${number++}`);
});
const write = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(root, name), bytes);
  return join(root, name);
};
const cached = (name: string) => readSafetensors(readFileSync(join(folder, `${name}.safetensors`)));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const some = Object.fromEntries(
  squeezenetArrays().map(({ name, shape }, i) => [
    name,
    { shape, values: new Float32Array(sizeOf(shape)).fill(i) },
  ]),
);

test('a PyTorch file becomes safetensors with the network recognised and its names as the network has them', async () => {
  const names = resnet20Arrays();
  const tensors = Object.fromEntries([
    ...names.map(({ name, shape }, i) => [
      `module.${name}`,
      {
        key: String(i),
        shape,
        strides: shape.map((_, axis) => sizeOf(shape.slice(axis + 1))),
        length: sizeOf(shape),
      },
    ]),
    [
      'module.bn1.num_batches_tracked',
      { key: 'n', shape: [], strides: [], length: 1, storage: 'LongStorage' },
    ],
  ]);
  const storages = Object.fromEntries([
    ...names.map(({ shape }, i) => [
      String(i),
      new Uint8Array(new Float32Array(sizeOf(shape)).fill(i).buffer),
    ]),
    // More batches than float32 can count: they do not matter.
    ['n', new Uint8Array(BigInt64Array.of(2n ** 24n + 1n).buffer)],
  ]);
  const bytes = torchZip(stateDictPickle(tensors), storages);
  const path = write('my weights.v1.pth', bytes);
  const imported = await importWeights(path, { folder });
  expect(imported.provenance).toEqual({
    schema: 'glisson.weights/1',
    name: 'my-weights.v1',
    network: 'resnet20',
    source: {
      kind: 'file',
      file: 'my weights.v1.pth',
      format: 'pytorch',
      bytes: bytes.length,
      sha256: sha256(bytes),
    },
    bytes: readFileSync(imported.path).length,
    sha256: sha256(readFileSync(imported.path)),
    checked: ['names and shapes: those of resnet20'],
  });
  expect(imported.leftOut).toEqual([
    { name: 'module.bn1.num_batches_tracked', reason: 'a counter of training batches' },
  ]);
  expect(imported.report!.missing).toEqual([]);
  const { arrays, metadata } = cached('my-weights.v1');
  expect(Object.keys(arrays)).toEqual(names.map(({ name }) => name));
  expect(arrays['linear.bias']).toEqual({ shape: [10], values: new Float32Array(10).fill(names.length - 1) });
  expect(metadata).toEqual({
    source: basename(path),
    'source.sha256': sha256(bytes),
    'source.format': 'pytorch',
    network: 'resnet20',
  });
  expect(readdirSync(folder).toSorted()).toEqual([
    '.parts',
    'my-weights.v1.json',
    'my-weights.v1.safetensors',
  ]);
  expect(readdirSync(join(folder, '.parts'))).toEqual([]);
  expect(await listCached(folder)).toEqual([{ path: imported.path, provenance: imported.provenance }]);
});

test('a file of the registry is known by its checksum, whatever its name, and kept byte for byte', async () => {
  const bytes = writeSafetensors({ arrays: some, metadata: {} });
  const source: WeightSource = {
    ...weightSources[0]!,
    name: 'known.one',
    network: 'squeezenet1_0',
    sha256: sha256(bytes),
  };
  const { provenance, leftOut } = await importWeights(write('model.safetensors', bytes), {
    folder,
    sources: [source],
  });
  expect(provenance).toMatchObject({
    name: 'known.one',
    network: 'squeezenet1_0',
    licence: source.licence,
    input: source.input,
    checked: ['SHA-256 of the whole file: that of known.one in the registry'],
  });
  expect(leftOut).toEqual([]);
  expect(readFileSync(join(folder, 'known.one.safetensors')).equals(bytes)).toBe(true);
});

test('arrays of no known network are kept under their names, and nothing is claimed', async () => {
  const arrays = { 'stem.weight': { shape: [2], values: Float32Array.of(1, 2) } };
  const path = write('other.safetensors', writeSafetensors({ arrays, metadata: { by: 'me' } }));
  const imported = await importWeights(path, { folder, name: 'mine' });
  expect(imported.report).toBe(undefined);
  expect(imported.provenance.network).toBe(undefined);
  expect(imported.provenance.checked).toEqual(['nothing: no known network has such arrays']);
  expect(cached('mine').arrays).toEqual(arrays);
  expect(cached('mine').metadata).toMatchObject({ by: 'me', 'source.format': 'safetensors' });
});

test('a name that is taken is not overwritten, unless on purpose', async () => {
  const path = write('a.safetensors', writeSafetensors({ arrays: some, metadata: {} }));
  await importWeights(path, { folder });
  await expect(importWeights(path, { folder })).rejects.toMatchObject({
    code: 'already-exists',
    message: expect.stringContaining("called 'a' are in the cache already"),
  });
  const other = write(
    'b.safetensors',
    writeSafetensors({ arrays: { x: { shape: [1], values: Float32Array.of(9) } }, metadata: {} }),
  );
  await importWeights(other, { folder, name: 'a', force: true });
  expect(cached('a').arrays.x!.values).toEqual(Float32Array.of(9));
});

describe('leaves nothing behind when', () => {
  const remains = () =>
    readdirSync(root).includes(basename(folder)) &&
    (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name !== '.parts');

  test('the file is damaged', async () => {
    const bytes = writeSafetensors({ arrays: some, metadata: {} });
    const path = write('cut.safetensors', bytes.subarray(0, 1000));
    await expect(importWeights(path, { folder })).rejects.toMatchObject({ code: 'damaged' });
    expect(remains()).toEqual([]);
  });

  test('an array cannot be converted', async () => {
    const big = { key: '0', shape: [1], strides: [1], length: 1, storage: 'DoubleStorage' };
    const path = write(
      'big.pth',
      torchZip(stateDictPickle({ big }), { 0: new Uint8Array(Float64Array.of(1e300).buffer) }),
    );
    await expect(importWeights(path, { folder })).rejects.toMatchObject({ code: 'value-invalid' });
    expect(remains()).toEqual([]);
  });

  test('it is cancelled', async () => {
    const path = write('whole.safetensors', writeSafetensors({ arrays: some, metadata: {} }));
    const reason = new Error('enough');
    await expect(importWeights(path, { folder }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(readdirSync(root)).not.toContain(basename(folder));
  });

  test('there is no file', async () => {
    await expect(importWeights(join(root, 'none.pth'), { folder })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test.skipIf(!hasSystemTools(['python3-h5py']))(
  needs(['python3-h5py'], 'VGG16 of Keras gets torchvision names, and its map flattened as there'),
  async () => {
    const script = `
import sys, h5py, numpy as np
layers = [(f'block{s + 1}_conv{i + 1}', n, m) for s, (k, n) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]) for i in range(k) for m in [3 if s + i == 0 else (n if i or s == 4 else n // 2)]]
with h5py.File(sys.argv[1], 'w') as f:
    f.attrs['layer_names'] = np.array([l[0].encode() for l in layers] + [b'fc1'])
    for layer, n, m in layers:
        g = f.create_group(layer)
        g.attrs['weight_names'] = [f'{layer}/kernel:0'.encode(), f'{layer}/bias:0'.encode()]
        g.create_dataset(f'{layer}/kernel:0', data=np.zeros((3, 3, m, n), 'f4'))
        g.create_dataset(f'{layer}/bias:0', data=np.zeros(n, 'f4'))
    g = f.create_group('fc1')
    g.attrs['weight_names'] = [b'fc1/kernel:0']
    # Every row tells its input's channel.
    g.create_dataset('fc1/kernel:0', data=np.tile(np.arange(512, dtype='f4'), 49)[:, None].repeat(4096, 1))
`;
    const path = join(root, 'vgg16.h5');
    execFileSync(debianPython, ['-c', script, path]);
    const imported = await importWeights(path, { folder });
    expect(imported.provenance.network).toBe('vgg16');
    const { arrays } = cached('vgg16');
    const weight = arrays['classifier.0.weight']!;
    expect(weight.shape).toEqual([4096, 25088]);
    // 49 places of channel 0, then those of channel 1.
    expect([...weight.values.subarray(0, 50)]).toEqual([...Array(49).fill(0), 1]);
    const { report } = loadWeights(vggArrays(16, false), arrays);
    expect(report.loaded).toHaveLength(27);
    expect(report.skipped).toEqual([]);
  },
);

test.skipIf(!hasSharedWeights)(
  realWeights('the legacy .th of ResNet20 is imported as what its safetensors are'),
  async () => {
    const imported = await importWeights(sharedPath('weights', 'resnet20-12fca82f.th'), { folder });
    expect(imported.provenance).toMatchObject({ name: 'resnet20-12fca82f', network: 'resnet20' });
    expect(imported.leftOut).toEqual([{ name: 'best_prec1', reason: "beside the state dict 'state_dict'" }]);
    const expected = readSafetensors(
      readFileSync(sharedPath('weights', 'resnet20_cifar10.safetensors')),
    ).arrays;
    const { arrays } = cached('resnet20-12fca82f');
    expect(Object.keys(arrays)).toHaveLength(97);
    for (const [name, array] of Object.entries(arrays)) expect([name, array]).toEqual([name, expected[name]]);
  },
);

test('NaN and infinite numbers are refused, with the arrays that hold them; nothing is kept', async () => {
  const values = { ...some };
  const breakAt = (name: string, at: readonly [number, number][]) => {
    const broken = some[name]!.values.slice();
    for (const [index, value] of at) broken[index] = value;
    values[name] = { ...some[name]!, values: broken };
  };
  const [first, second] = Object.keys(some) as [string, string];
  breakAt(first, [
    [7, Number.NaN],
    [9, Number.NEGATIVE_INFINITY],
  ]);
  breakAt(second, [[0, Number.POSITIVE_INFINITY]]);
  const path = write('broken.safetensors', writeSafetensors({ arrays: values, metadata: {} }));
  const sizes = [first, second].map((name) => some[name]!.values.length);
  await expect(importWeights(path, { folder })).rejects.toMatchObject({
    code: 'not-finite',
    message: expect.stringContaining(
      `broken.safetensors holds NaN or infinite numbers in 2 of ${Object.keys(some).length} arrays: ${first} (2 of ${sizes[0]} numbers, the first is NaN at index 7); ${second} (1 of ${sizes[1]} numbers, the first is Infinity at index 0). `,
    ),
  });
  expect(readdirSync(join(folder, '.parts'))).toEqual([]);
  expect(await listCached(folder)).toEqual([]);
});
