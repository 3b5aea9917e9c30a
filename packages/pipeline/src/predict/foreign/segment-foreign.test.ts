import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import { encodeModel } from '@glisson/nn/onnx/encode-model';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from '@glisson/nn/onnx/onnx-model';
import { readModel } from '@glisson/nn/onnx/read-model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import type { Plan } from '../../plan/plan.ts';
import {
  floatConstant,
  intsConstant,
  node,
  type ThresholdModelOptions,
  thresholdForeignPlan,
  thresholdOnnx,
} from '../../testing/foreign-models.ts';
import { blockPhantom, scanOf, thresholdPlan } from '../../testing/threshold-model.ts';
import { loadModel } from '../load-model.ts';
import { segmentScan } from '../segment-scan.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-foreign-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { volume, truth } = blockPhantom();

/** Writes a plan and its model side by side, and loads them. */
async function load(name: string, model: OnnxModel | Uint8Array, plan: object) {
  const here = join(folder, name);
  await mkdir(here, { recursive: true });
  await writeFile(join(here, 'net.onnx'), model instanceof Uint8Array ? model : encodeModel(model));
  await writeFile(join(here, 'plan.json'), JSON.stringify({ ...plan, model: { file: 'net.onnx' } }));
  return loadModel(join(here, 'plan.json'));
}
const run = async (...loaded: Parameters<typeof load>) =>
  segmentScan(scanOf(volume), await load(...loaded), { threads: 1 });

/** How many voxels differ. */
const differences = (a: Labelmap, b: Labelmap) =>
  a.voxels.reduce((sum, v, i) => sum + (v === b.voxels[i] ? 0 : 1), 0);

describe('a thresholding network of somebody else finds the truth', () => {
  test.each<[string, ThresholdModelOptions]>([
    ['probabilities', {}],
    ['logits', { output: 'logits' }],
    ['labels as int64', { output: 'labels' }],
    ['channels last', { layout: 'NHWC', output: 'logits' }],
    ['channels last, labels', { layout: 'NHWC', output: 'labels' }],
  ])('%s', async (name, options) => {
    const segmentation = await run(name, thresholdOnnx(options), thresholdForeignPlan(options));
    expect(differences(segmentation.labelmap, truth)).toBe(0);
    expect(segmentation.lesions.map((lesion) => lesion.voxels)).toEqual([350, 48, 18]);
    for (const { confidence } of segmentation.lesions) {
      // Labels are no probabilities.
      if (options.output === 'labels') expect(confidence).toBeNull();
      else expect(confidence).toBeCloseTo(1, 2);
    }
    expect(segmentation.warnings.map(({ code }) => code)).toEqual(['foreign-network']);
  });

  test.each<[string, ThresholdModelOptions, object]>([
    ['tiles of one size, one at a time', { sizes: [1, 16, 24] }, { size: [24, 16], mirror: true }],
    ['whole slices, larger than the scan', { sizes: [1, 64, 64] }, { size: [64, 64] }],
  ])('%s', async (name, options, tile) => {
    const plan = { ...thresholdForeignPlan(options), tile };
    const { labelmap } = await run(name, thresholdOnnx(options), plan);
    expect(differences(labelmap, truth)).toBe(0);
  });

  test('slices resampled to a number of pixels: only voxels at borders change', async () => {
    const { input, ...rest } = thresholdForeignPlan();
    const plan = { ...rest, input: { ...input, sliceSizePx: [120, 88] }, tile: { size: [120, 88] } };
    const { labelmap } = await run('resized', thresholdOnnx({ sizes: [1, 88, 120] }), plan);
    expect(differences(labelmap, truth)).toBeGreaterThan(0);
    const [width] = volume.geometry.size;
    for (let at = 0; at < truth.voxels.length; at++) {
      if (labelmap.voxels[at] === truth.voxels[at]) continue;
      const near = [-1, 1, -width, width].map((step) => truth.voxels[at + step]);
      expect(near.some((label) => label !== truth.voxels[at])).toBe(true);
    }
  });
});

/** A network of two random convolutions in the form that Glisson exports: no symmetry, any labels. */
function randomNetwork(plan: Plan): Uint8Array {
  const random = createRandom(3);
  const weights = (name: string, shape: number[], scale: number): OnnxTensor => {
    const values = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => scale * random.normal(),
    );
    return { name, type: 'float32', shape, content: { kind: 'raw', bytes: new Uint8Array(values.buffer) } };
  };
  const pads = { pads: { ints: [1, 1, 1, 1] } };
  return encodeModel({
    irVersion: 8,
    producer: 'test',
    producerVersion: '',
    opsets: { '': 13 },
    metadata: { 'glisson.plan': JSON.stringify(plan) },
    functions: [],
    graph: {
      name: 'random',
      nodes: [
        node('Conv', ['image', 'first'], 'features', pads),
        node('Relu', ['features'], 'active'),
        node('Conv', ['active', 'second'], 'logits', pads),
        node('Softmax', ['logits'], 'probabilities', { axis: { int: 1 } }),
      ],
      initializers: [weights('first', [8, 3, 3, 3], 0.3), weights('second', [3, 8, 3, 3], 0.2)],
      inputs: [{ name: 'image', type: 'float32', shape: ['N', 3, 'H', 'W'] }],
      outputs: [{ name: 'probabilities', type: 'float32', shape: ['N', 3, 'H', 'W'] }],
      values: [],
    },
  });
}

/** Rules that leave labels as they are found, at thresholds where a random network finds something of each. */
const rules = {
  liverThreshold: 0.66,
  lesionThreshold: 0.34,
  largestLiverOnly: false,
  fillLiverHoles: false,
  lesionsInLiverOnly: false,
  minLesionMl: 0,
  minLiverMl: 0,
};
const ownPlan = thresholdPlan({
  postprocess: rules,
  inference: { tileSize: [24, 16], overlap: 0.5, mirror: true },
});

/** What the plan inside such a model says, written as a foreign plan. */
function foreignPlan(changes: { input?: object; output?: object } = {}) {
  const { windowHU, spacingMm, contextSpacingMm, meanHU, sdHU } = ownPlan.preprocess;
  const channel = { windowHU, scaleTo: null, mean: meanHU, sd: sdHU };
  return {
    ...thresholdForeignPlan(),
    input: {
      layout: 'NCHW',
      channels: [-1, 0, 1].map((sliceOffset) => ({ ...channel, sliceOffset })),
      sliceSpacingMm: contextSpacingMm,
      spacingMm,
      ...changes.input,
    },
    tile: { size: [24, 16], multipleOf: 4, overlap: 0.5, mirror: true },
    output: { ...thresholdForeignPlan().output, ...changes.output },
    postprocess: rules,
  };
}

/** The same network with nodes put before and behind it, under new names of input and output. */
function wrapped(
  file: Uint8Array,
  before: readonly OnnxNode[],
  behind: readonly OnnxNode[],
  constants: readonly OnnxTensor[] = [],
): OnnxModel {
  const model = readModel(file);
  const { graph } = model;
  const open = (name: string): OnnxValue => ({
    name,
    type: 'float32',
    shape: [undefined, undefined, undefined, undefined],
  });
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...before, ...graph.nodes, ...behind],
      initializers: [...graph.initializers, ...constants],
      inputs: [open('given')],
      outputs: [open('wanted')],
    },
  };
}

describe('an equal network by both ways', () => {
  let file: Uint8Array;
  let own: Awaited<ReturnType<typeof segmentScan>>;
  beforeAll(async () => {
    file = randomNetwork(ownPlan);
    const path = join(folder, 'own.onnx');
    await writeFile(path, file);
    own = await segmentScan(scanOf(volume), await loadModel(path), { threads: 1 });
    const counts = [0, 1, 2].map((label) => own.labelmap.voxels.filter((v) => v === label).length);
    expect(Math.min(...counts), `${counts}`).toBeGreaterThan(500);
  });
  const same = (foreign: typeof own) => {
    expect(differences(foreign.labelmap, own.labelmap)).toBe(0);
    expect(foreign.lesions.map(({ confidence }) => confidence)).toEqual(
      own.lesions.map(({ confidence }) => expect.closeTo(confidence!, 4)),
    );
  };

  test('the model itself', async () => {
    same(await run('itself', file, foreignPlan()));
  });

  test('given beside the plan, which then need not name it', async () => {
    const plan = join(folder, 'itself', 'plan-only.json');
    await writeFile(plan, JSON.stringify(foreignPlan()));
    const model = await loadModel(join(folder, 'own.onnx'), plan);
    same(await segmentScan(scanOf(volume), model, { threads: 1 }));
  });

  test('with channels last and logits', async () => {
    const model = wrapped(
      file,
      [node('Transpose', ['given'], 'image', { perm: { ints: [0, 3, 1, 2] } })],
      [node('Transpose', ['logits'], 'wanted', { perm: { ints: [0, 2, 3, 1] } })],
    );
    same(
      await run(
        'last',
        model,
        foreignPlan({ input: { layout: 'NHWC' }, output: { layout: 'NHWC', activation: 'softmax' } }),
      ),
    );
  });

  test('with rows toward the right and columns toward the front, as nibabel loads a RAS file', async () => {
    const turn = (from: string, to: string) => [
      node('Transpose', [from], `${to} transposed`, { perm: { ints: [0, 1, 3, 2] } }),
      node('Slice', [`${to} transposed`, 'last', 'before first', 'both axes', 'backward'], to),
    ];
    const model = wrapped(file, turn('given', 'image'), turn('probabilities', 'wanted'), [
      intsConstant('last', [-1, -1]),
      intsConstant('before first', [-100000, -100000]),
      intsConstant('both axes', [2, 3]),
      intsConstant('backward', [-1, -1]),
    ]);
    same(await run('ras', model, foreignPlan({ input: { rows: 'R', columns: 'A' } })));
    const unturned = await run('unturned', model, foreignPlan());
    expect(differences(unturned.labelmap, own.labelmap)).toBeGreaterThan(100);
  });

  test('with windows scaled to 0 to 1, then by mean and deviation', async () => {
    // x = (u - 0.4) / 0.25 of u = (hu + 160) / 400, and the network wants (hu - mean) / sd.
    const { meanHU, sdHU } = ownPlan.preprocess;
    const model = wrapped(
      file,
      [node('Mul', ['given', 'factor'], 'scaled'), node('Add', ['scaled', 'shift'], 'image')],
      [node('Identity', ['probabilities'], 'wanted')],
      [
        floatConstant('factor', (0.25 * 400) / sdHU),
        floatConstant('shift', (0.4 * 400 - 160 - meanHU) / sdHU),
      ],
    );
    const channel = { windowHU: [-160, 240], scaleTo: [0, 1], mean: 0.4, sd: 0.25 };
    const channels = [-1, 0, 1].map((sliceOffset) => ({ ...channel, sliceOffset }));
    same(await run('scaled', model, foreignPlan({ input: { channels } })));
  });
});

test('several windows are channels of their own', async () => {
  // Liver is what the wide window puts above 85, lesion what the narrow one leaves between 45 and 84.
  const model = thresholdOnnx();
  const narrow = { windowHU: [40, 84], scaleTo: [0, 1] };
  const wide = { windowHU: [-1000, 1000], scaleTo: null };
  const split = [
    node('Split', ['both'], 'narrow', { axis: { int: 1 } }),
    node('Mul', ['narrow', 'forty-four'], 'width'),
    node('Add', ['width', 'forty'], 'low'),
    // Where the narrow window is full, the wide one decides.
    node('Less', ['low', 'eighty-four'], 'inside'),
    node('Where', ['inside', 'low', 'wide'], 'scan'),
  ];
  (split[0]!.outputs as string[]).push('wide');
  const graph = {
    ...model.graph,
    nodes: [...split, ...model.graph.nodes],
    initializers: [
      ...model.graph.initializers,
      floatConstant('forty', 40),
      floatConstant('forty-four', 44),
      floatConstant('eighty-four', 84),
    ],
    inputs: [{ name: 'both', type: 'float32' as const, shape: ['N', 2, 'H', 'W'] }],
  };
  const plan = thresholdForeignPlan();
  const segmentation = await run(
    'windows',
    { ...model, graph },
    { ...plan, input: { ...plan.input, channels: [narrow, wide] } },
  );
  expect(differences(segmentation.labelmap, truth)).toBe(0);
});

describe('what cannot be run is refused when the model is loaded', () => {
  const message = (promise: Promise<unknown>) =>
    promise.then(
      () => 'nothing',
      (error: Error) => error.message,
    );

  test('unknown operators by name, domain and node', async () => {
    const model = thresholdOnnx();
    const odd: OnnxNode = { ...node('Window', ['scan'], 'odd'), domain: 'my.ops', name: 'first' };
    const graph = { ...model.graph, nodes: [odd, ...model.graph.nodes] };
    const loading = load('odd', { ...model, opsets: { '': 13, 'my.ops': 1 }, graph }, thresholdForeignPlan());
    await expect(loading).rejects.toMatchObject({ name: 'PipelineError', code: 'model-invalid' });
    expect(await message(loading)).toMatch(
      /net\.onnx.*Window of domain 'my\.ops', version 1 \(node 'first'\)/s,
    );
  });

  test('a model that does not fit, is another one, is damaged or is not there', async () => {
    const file = encodeModel(thresholdOnnx());
    const plan = thresholdForeignPlan();
    await load('fits', file, plan);
    const at = join(folder, 'fits');
    const withModel = async (model: object) => {
      await writeFile(join(at, 'other.json'), JSON.stringify({ ...plan, model }));
      return message(loadModel(join(at, 'other.json')));
    };
    const sha256 = createHash('sha256').update(file).digest('hex');
    expect(await withModel({ file: 'net.onnx', sha256 })).toBe('nothing');
    expect(await withModel({ file: 'net.onnx', sha256: '0'.repeat(64) })).toMatch(
      /another one.*Found: SHA-256.*000/s,
    );
    expect(await withModel({ file: 'gone.onnx' })).toMatch(/not there.*gone\.onnx/s);
    expect(await withModel({})).toMatch(/which model it is for.*model\.file/s);
    expect(await message(load('wide', thresholdOnnx({ sizes: ['N', 8, 8] }), plan))).toMatch(
      /exactly 8 rows/,
    );
    expect(await message(load('cut', file.subarray(0, 99), plan))).toMatch(/not an ONNX model.*net\.onnx/s);
    expect(await message(loadModel(join(at, 'net.onnx'), join(at, 'no.json')))).toMatch(
      /plan cannot be read.*no\.json/s,
    );
  });

  test('without a plan, the model is described', async () => {
    const error = await message(loadModel(join(folder, 'fits', 'net.onnx')));
    expect(error).toMatch(/'scan' float32 \[N, 1, H, W\].*'result' float32 \[N, 3, H, W\].*--plan/s);
  });
});

describe('what shows only in a run', () => {
  test.each([
    [
      'a smaller output',
      node('MaxPool', ['shares'], 'result', { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }),
      /another shape.*\[\d+, 3, 8, 12\] for an input of \[\d+, 1, 16, 24\]/s,
    ],
    [
      'no probabilities',
      node('Mul', ['shares', 'steep'], 'result'),
      /something else than probabilities.*from 0 to 20/s,
    ],
  ])('%s', async (name, last, message) => {
    const model = thresholdOnnx();
    const nodes = [...model.graph.nodes.slice(0, -1), last];
    const open = { ...model.graph.outputs[0]!, shape: undefined };
    const plan = thresholdForeignPlan();
    const graph = { ...model.graph, nodes, outputs: [open] };
    await expect(run(name, { ...model, graph }, plan)).rejects.toThrow(message);
  });
});

test.skipIf(!hasSystemTools(['python3-onnx']))(
  needs(['python3-onnx'], 'a model made by the ONNX project: channels last, ArgMax labels'),
  async () => {
    const program = `
import sys
from onnx import helper as h, TensorProto as T, checker
scan = h.make_tensor_value_info('serving_default_input:0', T.FLOAT, ['unk__1', 'unk__2', 'unk__3', 1])
labels = h.make_tensor_value_info('labels', T.INT64, ['unk__1', 'unk__2', 'unk__3'])
limit = lambda name, value: h.make_tensor(name, T.FLOAT, [], [value])
nodes = []
for name in ['a', 'b', 'c']:
  nodes.append(h.make_node('Greater', ['serving_default_input:0', 'from ' + name], [name + '?']))
  nodes.append(h.make_node('Cast', [name + '?'], [name], to=T.FLOAT))
nodes += [
  h.make_node('Sub', ['a', 'b'], ['lesion']), h.make_node('Sub', ['b', 'c'], ['liver']),
  h.make_node('Max', ['lesion', 'liver'], ['any']), h.make_node('Sub', ['one', 'any'], ['none']),
  h.make_node('Concat', ['none', 'liver', 'lesion'], ['scores'], axis=3),
  h.make_node('ArgMax', ['scores'], ['labels'], axis=3, keepdims=0),
]
# As 0..1 of the window -160 to 240.
at = lambda hu: (hu + 160) / 400
graph = h.make_graph(nodes, 'net', [scan], [labels], [limit('from a', at(45)), limit('from b', at(85)), limit('from c', at(150)), limit('one', 1)])
model = h.make_model(graph, opset_imports=[h.make_opsetid('', 12)])
checker.check_model(model, full_check=True)
sys.stdout.buffer.write(model.SerializeToString())`;
    const { stdout, stderr, status } = spawnSync(debianPython, ['-c', program]);
    expect(status, String(stderr)).toBe(0);
    const plan = thresholdForeignPlan({ layout: 'NHWC', output: 'labels' });
    const channels = [{ windowHU: [-160, 240], scaleTo: [0, 1] }];
    const { labelmap } = await run('python', stdout, { ...plan, input: { ...plan.input, channels } });
    expect(differences(labelmap, truth)).toBe(0);
  },
);
