import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { type Shape, sizeOf } from '../../graph/shape.ts';
import { fileSource, memorySource } from '../byte-source.ts';
import { densenetArrays, resnet20Arrays, resnetArrays, vggArrays } from '../networks/array-lists.ts';
import { openSafetensors } from '../open-safetensors.ts';
import { openPytorch } from '../pytorch/open-pytorch.ts';
import { type NamedArray, readSafetensors, writeSafetensors } from '../safetensors.ts';
import { formatLoadReport } from './load-report.ts';
import { loadWeights, loadWeightsFrom } from './load-weights.ts';
import { type NamedShape, planLoad } from './plan-load.ts';

/** An array whose numbers tell their place and, by `seed`, their array. */
function counted(shape: Shape, seed = 0): NamedArray {
  return { shape, values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => seed * 1000 + i) };
}
const want = (shapes: Readonly<Record<string, Shape>>): NamedShape[] =>
  Object.entries(shapes).map(([name, shape]) => ({ name, shape }));

const small = want({ 'conv1.weight': [2, 3, 1, 1], 'bn1.bias': [2], 'fc.weight': [4, 2], 'fc.bias': [4] });
const smallFile = Object.fromEntries(small.map(({ name, shape }, i) => [name, counted(shape, i)]));
const renamed = (change: (name: string) => string) =>
  Object.fromEntries(Object.entries(smallFile).map(([name, array]) => [change(name), array]));
const valuesOfSmall = Object.fromEntries(
  Object.entries(smallFile).map(([name, { values }]) => [name, values]),
);

describe('names', () => {
  test('that are the same', () => {
    const { values, arrays, report } = loadWeights(small, smallFile, { strict: true });
    expect(values).toEqual(valuesOfSmall);
    expect(arrays).toEqual(smallFile);
    expect(report).toEqual({
      loaded: small.map(({ name }) => ({ name, from: name })),
      adapted: [],
      skipped: [],
      missing: [],
    });
  });

  test.each(['module.', 'backbone.', 'module.backbone.', '_orig_mod.model.'])(
    'with the prefix %s',
    (prefix) => {
      const { values, report } = loadWeights(
        small,
        renamed((name) => prefix + name),
        { strict: true },
      );
      expect(values).toEqual(valuesOfSmall);
      expect(report.loaded[0]).toEqual({ name: 'conv1.weight', from: `${prefix}conv1.weight` });
    },
  );

  test('with a prefix that the network has, too, are taken as they are', () => {
    const wanted = want({ 'encoder.conv1.weight': [2, 3, 1, 1], 'conv1.weight': [2, 3, 1, 1] });
    const file = {
      'encoder.conv1.weight': counted([2, 3, 1, 1], 1),
      'conv1.weight': counted([2, 3, 1, 1], 2),
    };
    const { values } = loadWeights(wanted, file);
    expect([values['encoder.conv1.weight']![0], values['conv1.weight']![0]]).toEqual([1000, 2000]);
  });

  test('with a prefix of the caller', () => {
    const file = renamed((name) => `student.${name}`);
    expect(() => loadWeights(small, file)).toThrow(
      /None of the 4 arrays.*student.conv1.weight.*wants conv1.weight/,
    );
    expect(loadWeights(small, file, { prefixes: ['student.'] }).values).toEqual(valuesOfSmall);
    expect(() =>
      loadWeights(
        small,
        renamed((name) => `module.${name}`),
        { prefixes: [] },
      ),
    ).toThrow(/None of the 4/);
  });

  test('below a part of the network', () => {
    const wanted = [
      ...small.map(({ name, shape }) => ({ name: `encoder.${name}`, shape })),
      { name: 'decoder.weight', shape: [1] },
    ];
    const { values, report } = loadWeights(
      wanted,
      renamed((name) => `module.${name}`),
      {
        into: 'encoder.',
        strict: true,
      },
    );
    expect(values['encoder.bn1.bias']).toEqual(smallFile['bn1.bias']!.values);
    expect(report.missing).toEqual([{ name: 'decoder.weight', shape: [1] }]);
  });

  test('by a rule of the caller', () => {
    const { values } = loadWeights(
      small,
      renamed((name) => name.replace('conv1', 'stem')),
      {
        renames: [{ pattern: /^stem\./, replacement: 'conv1.' }],
      },
    );
    expect(values).toEqual(valuesOfSmall);
  });

  test('literal ones win over prefixed ones, which are reported', () => {
    const file = { 'module.bn1.bias': counted([2], 7), ...smallFile };
    const { values, report } = loadWeights(small, file);
    expect(values).toEqual(valuesOfSmall);
    expect(report.skipped).toEqual([{ name: 'module.bn1.bias', reason: 'bn1.bias is loaded from bn1.bias' }]);
  });
});

describe('what does not fit', () => {
  test('batch counters and unknown arrays are skipped; absent ones are missing; all in order', () => {
    const { 'fc.bias': _, ...file } = smallFile;
    const more = { 'bn1.num_batches_tracked': counted([]), ...file, 'aux.weight': counted([1]) };
    const { values, report } = loadWeights(small, more);
    expect(Object.keys(values)).toEqual(['conv1.weight', 'bn1.bias', 'fc.weight']);
    expect(report.skipped).toEqual([
      { name: 'bn1.num_batches_tracked', reason: 'a counter of training batches' },
      { name: 'aux.weight', reason: 'the network has no such array' },
    ]);
    expect(report.missing).toEqual([{ name: 'fc.bias', shape: [4] }]);
    expect(() => loadWeights(small, more, { strict: true })).toThrow(
      'The file does not fit the network exactly: fc.bias is missing; aux.weight: the network has no such array.',
    );
  });

  test('a head for another number of classes is skipped by name', () => {
    const file = { ...smallFile, 'fc.weight': counted([1000, 2]), 'fc.bias': counted([1000]) };
    const { report } = loadWeights(small, file);
    expect(report.skipped).toEqual([
      { name: 'fc.weight', reason: "a head for 1000 classes; the network's fc.weight is [4, 2]" },
      { name: 'fc.bias', reason: "a head for 1000 classes; the network's fc.bias is [4]" },
    ]);
    expect(report.missing.map(({ name }) => name)).toEqual(['fc.weight', 'fc.bias']);
    expect(() => loadWeights(small, file, { strict: true })).toThrow(/fc.weight: a head for 1000 classes/);
  });

  test('another shape elsewhere is an error, unless it is left out', () => {
    const file = { ...smallFile, 'bn1.bias': counted([3]) };
    expect(() => loadWeights(small, file)).toThrow(
      'The file is of another network: bn1.bias is [2], bn1.bias of the file [3].',
    );
    const { report } = loadWeights(small, file, { skip: ['bn1.'] });
    expect(report.skipped).toEqual([{ name: 'bn1.bias', reason: 'left out as asked' }]);
    expect(() => loadWeights(small, { ...smallFile, 'fc.weight': counted([9, 2]) }, { heads: [] })).toThrow(
      /fc.weight is \[4, 2\]/,
    );
  });

  test('numbers that are not finite are an error that names them', () => {
    const broken = { shape: [2], values: Float32Array.of(0, Number.NaN) };
    expect(() => loadWeights(small, { ...smallFile, 'bn1.bias': broken })).toThrow(
      expect.objectContaining({
        code: 'not-finite',
        message: "'bn1.bias' of the file holds NaN at index 1.",
      }),
    );
    // One that is not loaded may hold what it likes.
    expect(loadWeights(small, { ...smallFile, other: broken }).values).toEqual(valuesOfSmall);
  });
});

describe('the first layer', () => {
  // Two kernels of 2 x 1 for R, G and B.
  const kernels = counted([2, 3, 2, 1], 0);
  const load = (channels: number, options = {}) =>
    loadWeights(want({ 'conv1.weight': [2, channels, 2, 1] }), { 'conv1.weight': kernels }, options);

  test('for one channel is the sum', () => {
    const { values, arrays, report } = load(1);
    expect(arrays['conv1.weight']!.shape).toEqual([2, 1, 2, 1]);
    expect([...values['conv1.weight']!]).toEqual([0 + 2 + 4, 1 + 3 + 5, 6 + 8 + 10, 7 + 9 + 11]);
    expect(report.adapted).toEqual([
      { name: 'conv1.weight', from: 'conv1.weight', how: '3 input channels summed into 1' },
    ]);
  });

  test('for two and for four channels is repeated and scaled by 3/N', () => {
    expect([...load(2).values['conv1.weight']!]).toEqual(
      [0, 1, 2, 3, 6, 7, 8, 9].map((value) => value * 1.5),
    );
    const four = [0, 1, 2, 3, 4, 5, 0, 1, 6, 7, 8, 9, 10, 11, 6, 7].map((value) => value * 0.75);
    expect([...load(4).values['conv1.weight']!]).toEqual(four);
    expect(load(4).report.adapted[0]!.how).toBe('3 input channels repeated to 4 and scaled by 3/4');
  });

  test('of one channel for three is repeated, too', () => {
    const gray = { 'conv1.weight': counted([1, 1, 1, 2], 3) };
    const { values } = loadWeights(want({ 'conv1.weight': [1, 3, 1, 2] }), gray);
    expect(values['conv1.weight']).toEqual(Float32Array.of(1000, 3001 / 3, 1000, 3001 / 3, 1000, 3001 / 3));
  });

  test('may be flipped from BGR to RGB, before it is repeated', () => {
    expect([...load(3, { flipChannels: true }).values['conv1.weight']!]).toEqual([
      4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7,
    ]);
    const four = [4, 5, 2, 3, 0, 1, 4, 5, 10, 11, 8, 9, 6, 7, 10, 11].map((value) => value * 0.75);
    const { values, report } = load(4, { flipChannels: true });
    expect([...values['conv1.weight']!]).toEqual(four);
    expect(report.adapted[0]!.how).toMatch(
      /^input channels in reverse order.*; 3 input channels repeated to 4/,
    );
  });

  test('of three dimensions', () => {
    const { values } = loadWeights(want({ 'conv1.weight': [1, 1, 2, 1, 1] }), {
      'conv1.weight': counted([1, 3, 2, 1, 1]),
    });
    expect([...values['conv1.weight']!]).toEqual([6, 9]);
  });

  test('is the first one that is wanted; a later one is not adapted', () => {
    const wanted = want({ 'conv1.weight': [1, 3, 1, 1], 'conv2.weight': [1, 1, 1, 1] });
    const file = { 'conv1.weight': counted([1, 3, 1, 1]), 'conv2.weight': counted([1, 3, 1, 1]) };
    expect(() => loadWeights(wanted, file)).toThrow(/conv2.weight is \[1, 1, 1, 1\]/);
    const { values } = loadWeights(wanted, file, { firstLayer: 'conv2.weight' });
    expect([...values['conv2.weight']!]).toEqual([3]);
  });

  test('with another kernel is another network', () => {
    expect(() => loadWeights(want({ 'conv1.weight': [2, 3, 3, 3] }), { 'conv1.weight': kernels })).toThrow(
      expect.objectContaining({ code: 'shape-mismatch' }),
    );
  });
});

test('a linear layer is a convolution over the whole map, and the other way round', () => {
  const linear = { 'classifier.0.weight': counted([2, 12]) };
  const convolution = { 'pre_logits.fc1.weight': counted([2, 3, 2, 2]) };
  const asConvolution = loadWeights(want({ 'pre_logits.fc1.weight': [2, 3, 2, 2] }), linear);
  expect(asConvolution.values['pre_logits.fc1.weight']).toEqual(linear['classifier.0.weight'].values);
  expect(asConvolution.report.adapted[0]!.how).toBe('[2, 12] taken as [2, 3, 2, 2]');
  const asLinear = loadWeights(want({ 'classifier.0.weight': [2, 12] }), convolution);
  expect(asLinear.values['classifier.0.weight']).toEqual(linear['classifier.0.weight'].values);
  // Not to another number of outputs, and not between two convolutions.
  expect(() => loadWeights(want({ 'classifier.0.weight': [3, 8] }), convolution)).toThrow(/another network/);
  expect(() =>
    loadWeights(want({ 'a.weight': [2, 3, 2, 2] }), { 'a.weight': counted([2, 12, 1, 1]) }),
  ).toThrow(/another network/);
});

describe('networks under the names of different years and libraries', () => {
  const vgg = vggArrays(16, false);
  const timm = vgg.map(({ name, shape }): NamedShape => {
    if (name === 'classifier.0.weight') return { name: 'pre_logits.fc1.weight', shape: [4096, 512, 7, 7] };
    if (name === 'classifier.3.weight') return { name: 'pre_logits.fc2.weight', shape: [4096, 4096, 1, 1] };
    const other = name
      .replace('classifier.0', 'pre_logits.fc1')
      .replace('classifier.3', 'pre_logits.fc2')
      .replace('classifier.6', 'head.fc');
    return { name: other, shape };
  });
  const densenet = densenetArrays(121);
  const old = densenet.map(({ name, shape }) => ({
    name: name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2'),
    shape,
  }));
  const resnet = resnetArrays(50);
  const children = ['conv1', 'bn1', '', '', 'layer1', 'layer2', 'layer3', 'layer4', '', 'fc'];
  const sequential = resnet
    .filter(({ name }) => !name.startsWith('fc'))
    .map(({ name, shape }) => {
      const [first, ...rest] = name.split('.');
      return { name: ['backbone', children.indexOf(first!), ...rest].join('.'), shape };
    });

  test.each([
    ['VGG16 of timm in torchvision', vgg, timm],
    ['VGG16 of torchvision in timm', timm, vgg],
    ['DenseNet121 with old names', densenet, old],
    [
      'ResNet50 with another name of its head',
      resnet,
      resnet.map((array) => ({ ...array, name: array.name.replace('fc', 'last_linear') })),
    ],
  ])('%s', (_, wanted, file) => {
    const { assignments, report } = planLoad(wanted, file, { strict: true });
    expect(assignments.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
    expect(report.missing).toEqual([]);
  });

  test('ResNet50 as a Sequential of its children, without head', () => {
    const { assignments, report } = planLoad(resnet, sequential);
    expect(assignments.map(({ name }) => name)).toEqual(resnet.slice(0, -2).map(({ name }) => name));
    expect(report.skipped).toEqual([]);
    expect(report.missing.map(({ name }) => name)).toEqual(['fc.weight', 'fc.bias']);
  });

  test('ResNet18 is no ResNet50', () => {
    expect(() => planLoad(resnet, resnetArrays(18))).toThrow(/another network: layer1.0.conv1.weight/);
  });

  test.skipIf(!hasSharedWeights)(realWeights('the lists of torchvision and timm, counters and all'), () => {
    const lists: Record<string, Record<string, number[]>> = JSON.parse(
      readFileSync(sharedPath('weights', 'tensor_names_shapes.json'), 'utf8'),
    );
    for (const [wanted, file] of [
      [vgg, want(lists.vgg16_timm!)],
      [vgg, want(lists.vgg16_torchvision!)],
      [timm, want(lists.vgg16_torchvision!)],
      [resnet, want(lists.resnet50!)],
      [densenet, want(lists.densenet121!)],
    ] as const) {
      const { report } = planLoad(wanted, file, { strict: true });
      expect(report.loaded).toHaveLength(wanted.length);
      expect(report.loaded.length + report.skipped.length).toBe(file.length);
    }
  });
});

describe('open files', () => {
  test('only what is needed is read', async () => {
    const bytes = writeSafetensors({ arrays: { ...smallFile, huge: counted([5000]) }, metadata: {} });
    const source = memorySource(bytes);
    let read = 0;
    const file = await openSafetensors({
      ...source,
      read: (from, to) => {
        read += to - from;
        return source.read(from, to);
      },
    });
    const { values } = await loadWeightsFrom(file, small);
    expect(values).toEqual(valuesOfSmall);
    expect(read).toBeLessThan(1000);
  });

  test.skipIf(!hasSharedWeights)(realWeights('ResNet20 from its .th is that from safetensors'), async () => {
    const wanted = resnet20Arrays();
    const old = await openPytorch(await fileSource(sharedPath('weights', 'resnet20-12fca82f.th')));
    const fromOld = await loadWeightsFrom(old, wanted, { strict: true });
    await old.close();
    const { arrays } = readSafetensors(readFileSync(sharedPath('weights', 'resnet20_cifar10.safetensors')));
    const fromNew = loadWeights(wanted, arrays, { strict: true });
    expect(fromOld.values).toEqual(fromNew.values);
    expect(Object.keys(fromOld.values)).toHaveLength(97);
  });

  test.skipIf(!hasSharedWeights)(
    realWeights('a ResNet18 without its last stage is loaded as far as it goes'),
    async () => {
      const path = sharedPath('weights', 'resnet18_tv_imagenet_os16_foldedbn.safetensors');
      const file = await openSafetensors(await fileSource(path));
      const { report } = await loadWeightsFrom(file, resnetArrays(18));
      await file.close();
      expect(report.skipped).toEqual([]);
      expect(report.missing.every(({ name }) => name.startsWith('layer4.'))).toBe(true);
      expect(report.loaded).toHaveLength(77);
    },
  );
});

test('the report as text', () => {
  const file = {
    'module.conv1.weight': counted([2, 1, 1, 1]),
    'module.bn1.bias': counted([2]),
    'module.bn1.num_batches_tracked': counted([]),
    'module.fc.weight': counted([10, 2]),
    'module.fc.bias': counted([10]),
    'module.aux1.weight': counted([1]),
    'module.aux2.weight': counted([1]),
  };
  const { report } = loadWeights(small, file);
  expect(formatLoadReport(report)).toBe(
    `Loaded 2 of 4 arrays.
Loaded under another name (2):
  conv1.weight from module.conv1.weight
  bn1.bias from module.bn1.bias
Changed on the way (1):
  conv1.weight: 1 input channels repeated to 3 and scaled by 1/3
In the network, not in the file (2):
  fc.weight [4, 2]
  fc.bias [4]
In the file, not used (1): a counter of training batches
  module.bn1.num_batches_tracked
In the file, not used (1): a head for 10 classes; the network's fc.weight is [4, 2]
  module.fc.weight
In the file, not used (1): a head for 10 classes; the network's fc.bias is [4]
  module.fc.bias
In the file, not used (2): the network has no such array
  module.aux1.weight
  module.aux2.weight`,
  );
  expect(formatLoadReport(report, 1)).toContain(
    'Loaded under another name (2):\n  conv1.weight from module.conv1.weight\n  and 1 more\nChanged',
  );
});
