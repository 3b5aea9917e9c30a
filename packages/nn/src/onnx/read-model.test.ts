import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { gradients } from '../autodiff/gradients.ts';
import { NetworkError } from '../errors/network-error.ts';
import { input, scalar } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { mul, relu } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { softmax } from '../operators/softmax.ts';
import { encodeModel } from './encode-model.ts';
import {
  allNodes,
  type OnnxAttributeValue,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  requiredInputs,
} from './onnx-model.ts';
import { bytesField, integerField, joinPieces, messageField, textField } from './protobuf-writer.ts';
import { readModel } from './read-model.ts';
import { tensorValues } from './tensor-values.ts';
import { buildModel, writeModel } from './write-model.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 8 });
const whole = fc.maxSafeInteger();
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const tensor: fc.Arbitrary<OnnxTensor> = fc
  .record({ name, shape: fc.array(fc.nat(3), { maxLength: 3 }) })
  .chain((head) => {
    const count = head.shape.reduce((a, b) => a * b, 1);
    const raw = (type: 'float32' | 'int64' | 'bool', width: number) =>
      bytes(width * count).map((b): OnnxTensor => ({ ...head, type, content: { kind: 'raw', bytes: b } }));
    return fc.oneof(
      raw('float32', 4),
      raw('int64', 8),
      raw('bool', 1),
      bytes(4 * count).map(
        (b): OnnxTensor => ({
          ...head,
          type: 'float32',
          content: { kind: 'listed', list: 'float32', parts: [b] },
        }),
      ),
      fc
        .dictionary(name, name, { noNullPrototype: true })
        .map((entries): OnnxTensor => ({ ...head, type: 'float16', content: { kind: 'external', entries } })),
      fc.constant<OnnxTensor>({
        ...head,
        type: 'type 77',
        content: { kind: 'raw', bytes: Uint8Array.of(1) },
      }),
    );
  });

const value: fc.Arbitrary<OnnxValue> = fc.oneof(
  fc.record({
    name,
    type: fc.constantFrom<OnnxValue['type']>('float32', 'float16', 'int64', 'string', 'int4', 'type 99'),
    shape: fc.option(
      fc.array(
        fc.oneof(
          fc.maxSafeNat(),
          fc.constant(undefined),
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }),
        ),
      ),
      { nil: undefined },
    ),
  }),
  fc.record({
    name,
    type: fc.constantFrom<OnnxValue['type']>('undefined', 'sequence', 'map', 'optional', 'sparse tensor'),
    shape: fc.constant(undefined),
  }),
);

const { graph } = fc.letrec<{ graph: OnnxGraph; node: OnnxNode; attribute: OnnxAttributeValue }>((tie) => ({
  graph: fc.record({
    name,
    nodes: fc.array(tie('node'), { maxLength: 3, depthIdentifier: 'graph' }),
    initializers: fc.array(tensor, { maxLength: 3 }),
    inputs: fc.array(value, { maxLength: 2 }),
    outputs: fc.array(value, { maxLength: 2 }),
    values: fc.array(value, { maxLength: 2 }),
  }),
  node: fc.record({
    name,
    type: name,
    domain: name.filter((domain) => domain !== 'ai.onnx'),
    inputs: fc.array(name, { maxLength: 3 }),
    outputs: fc.array(name, { maxLength: 3 }),
    attributes: fc.dictionary(name, tie('attribute'), { maxKeys: 3, noNullPrototype: true }),
  }),
  attribute: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'graph' },
    fc.record({ int: whole }),
    fc.record({ ints: fc.array(whole) }),
    fc.record({ float: fc.float() }),
    fc.record({ floats: fc.array(fc.float()) }),
    fc.record({ string: name }),
    fc.record({ strings: fc.array(name) }),
    fc.record({ tensor }),
    fc.record({ tensors: fc.array(tensor, { maxLength: 2 }) }),
    fc.record({ reference: name.filter((text) => text !== '') }),
    fc.record({ kind: fc.constantFrom(0, 11, 13) }),
    fc.record({ graph: tie('graph') }),
    fc.record({ graphs: fc.array(tie('graph'), { maxLength: 2 }) }),
  ),
}));

const anyModel: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.nat(20),
  producer: name,
  producerVersion: name,
  opsets: fc.dictionary(name, fc.nat(100), { noNullPrototype: true }),
  metadata: fc.dictionary(name, name, { noNullPrototype: true }),
  graph,
  functions: fc.array(fc.record({ name, domain: name, nodes: fc.constant([]) }), { maxLength: 2 }),
});

/** A convolution in the CPU's blocked layout with its gradients: nodes of two domains, shared constants. */
const blockedGraph = (() => {
  const image = input('image', [2, 16, 40, 40]);
  const weights = input('weights', [32, 16, 3, 3]);
  const outputs = softmax(convolution(image, weights, { pads: [1, 1, 1, 1] }), 1);
  const loss = reduceSum(mul(outputs, scalar(0.5)), [0, 1, 2, 3]);
  const [gradient] = gradients(loss, [weights]);
  return buildModel({
    name: 'g',
    metadata: { plan: '{}' },
    channelBlock: 16,
    outputs: { loss, gradient: gradient! },
  });
})();

describe('what was written is read back equal', () => {
  test('any model', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        expect(readModel(encodeModel(model))).toEqual(model);
      }),
    );
  });

  test('a graph with gradients in blocked layout, also inside a larger buffer', () => {
    expect([...allNodes(blockedGraph)].some(({ domain }) => domain === 'com.microsoft.nchwc')).toBe(true);
    const file = encodeModel(blockedGraph);
    const shifted = new Uint8Array(file.length + 5);
    shifted.set(file, 5);
    expect(readModel(shifted.subarray(5))).toEqual(blockedGraph);
    expect(readModel(Buffer.from(file))).toEqual(
      expect.objectContaining({
        opsets: { '': 18, 'com.microsoft.nchwc': 1 },
        irVersion: 8,
        producer: 'glisson',
      }),
    );
  });

  test('open sizes keep their names', () => {
    const outputs = { y: relu(input('x', [1, 3, 8, 8])) };
    const { graph } = readModel(writeModel({ name: 'm', outputs, openAxes: ['N', undefined, 'H', 'W'] }));
    expect(graph.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['N', 3, 'H', 'W'] }]);
    expect(requiredInputs(graph)).toEqual(graph.inputs);
  });
});

describe('files that lie', () => {
  const file = encodeModel(blockedGraph);
  const readsOrRefuses = (bytes: Uint8Array) => {
    try {
      const model = readModel(bytes);
      for (const constant of model.graph.initializers) tensorValues(constant);
    } catch (error) {
      expect(error).toBeInstanceOf(NetworkError);
    }
  };

  test('cut off anywhere: a typed error', () => {
    const whole = encodeModel({
      ...blockedGraph,
      graph: { ...blockedGraph.graph, nodes: [], initializers: [] },
    });
    let readable = 0;
    for (let length = 0; length < whole.length; length++) {
      try {
        readModel(whole.subarray(0, length));
        readable++;
      } catch (error) {
        expect(error).toMatchObject({ name: 'NetworkError', code: 'damaged' });
      }
    }
    // Between two outermost fields that follow the graph nothing shows the cut: two operator sets, one entry.
    expect(readable).toBe(3);
    expect(() => readModel(file.subarray(0, file.length - 100))).toThrow(
      /no complete ONNX model.*left at byte/,
    );
  });

  test('changed bytes, and random ones: read, or refused by a typed error', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const changed = file.slice();
          for (const [at, byte] of changes) changed[at] = byte;
          readsOrRefuses(changed);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readsOrRefuses), { numRuns: 2000 });
  });

  const modelWith = (...graphFields: Parameters<typeof messageField>[1][]) =>
    joinPieces([integerField(1, 8), messageField(7, ...graphFields)]);
  const constant = (shape: number[], type: number, ...rest: Parameters<typeof messageField>[1][]) =>
    modelWith(
      messageField(
        5,
        ...shape.map((n) => integerField(1, n)),
        integerField(2, type),
        textField(8, 'w'),
        ...rest,
      ),
    );
  test.each([
    [
      'fewer bytes than the shape needs',
      constant([2, 3], 1, bytesField(9, new Uint8Array(20))),
      /'w' of float32 \[2, 3\] has 20 bytes, expected 24/,
    ],
    ['a shape beyond all numbers', constant([2 ** 40, 2 ** 40], 1), /impossible shape/],
    ['a negative size', constant([-1], 1), /impossible shape/],
    ['another list than the type has', constant([1], 1, integerField(7, 5)), /as int64, expected float32/],
    ['a name that is a number', modelWith(integerField(2, 5)), /written as varint, expected bytes/],
    [
      'an attribute without its graph',
      modelWith(messageField(1, messageField(5, textField(1, 'body'), integerField(20, 5)))),
      /'body' holds no graph/,
    ],
    ['two graphs', joinPieces([messageField(7), messageField(7)]), /two graphs/],
    ['a group, which the format does not have', Uint8Array.of(0x3b, 0x3c), /type 3/],
    ['an overlong number', Uint8Array.from({ length: 12 }, () => 0xff), /overlong/],
    ['field number 0', Uint8Array.of(0x02, 0), /field 0/],
  ])('%s', (_name, bytes, message) => {
    expect(() => readModel(bytes)).toThrow(message);
    expect(() => readModel(bytes)).toThrow(NetworkError);
  });

  test('too few numbers in a list are found when they are asked for', () => {
    const { initializers } = readModel(constant([3], 1, bytesField(4, new Uint8Array(8)))).graph;
    expect(() => tensorValues(initializers[0]!)).toThrow(/'w' has 2 numbers, \[3\] needs 3/);
  });

  test('bounds: a million times nothing, and graphs without end', () => {
    const nothing = new Uint8Array(9_000_000);
    for (let at = 0; at < nothing.length; at += 2) nothing[at] = 0x1a;
    expect(() => readModel(nothing)).toThrow(expect.objectContaining({ code: 'unsupported' }));
    let inner = messageField(7);
    for (let level = 0; level < 50; level++) {
      const [, , ...content] = inner;
      const within = messageField(6, content);
      inner = messageField(7, messageField(1, messageField(5, within, integerField(20, 5))));
    }
    expect(() => readModel(joinPieces([inner]))).toThrow(/levels deep/);
  });

  test('numbers in another file are refused by name', () => {
    const elsewhere = constant(
      [2],
      1,
      messageField(13, textField(1, 'location'), textField(2, 'big.bin')),
      integerField(14, 1),
    );
    const [w] = readModel(elsewhere).graph.initializers;
    expect(w!.content).toEqual({ kind: 'external', entries: { location: 'big.bin' } });
    expect(() => tensorValues(w!)).toThrow(/'w' are in another file, big\.bin/);
  });
});

test.skipIf(!hasSystemTools(['python3-onnx', 'python3-numpy']))(
  needs(['python3-onnx', 'python3-numpy'], 'a model of the ONNX project reads as it was made'),
  () => {
    const program = `
import sys, numpy as np
from onnx import helper as h, TensorProto as T, numpy_helper as nh
values = [T.FLOAT, T.DOUBLE, T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.UINT32, T.INT64, T.UINT64, T.BOOL, T.FLOAT16, T.BFLOAT16]
numbers = {T.FLOAT: [0.5, -3], T.DOUBLE: [0.1, -3], T.INT8: [-128, 127], T.UINT8: [0, 255], T.INT16: [-32768, 5], T.UINT16: [65535, 5],
  T.INT32: [-2**31, 7], T.UINT32: [2**32 - 1, 7], T.INT64: [-2**63, 2**63 - 1], T.UINT64: [2**64 - 1, 7], T.BOOL: [True, False],
  T.FLOAT16: [65504, -2**-24], T.BFLOAT16: [0.5, -3]}
listed = [h.make_tensor('listed %d' % t, t, [2, 1], numbers[t]) for t in values]
raw = [nh.from_array(np.array(numbers[t], dtype=h.mapping.TENSOR_TYPE_TO_NP_TYPE[t]), 'raw %d' % t) for t in values if t != T.BFLOAT16]
x = h.make_tensor_value_info('x', T.FLOAT16, ['batch', None, 3, 'H'])
y = h.make_tensor_value_info('y', T.FLOAT, None)
seq = h.make_tensor_sequence_value_info('s', T.FLOAT, None)
branch = lambda op: h.make_graph([h.make_node(op, ['x'], ['b'])], op, [], [h.make_tensor_value_info('b', T.FLOAT, [])])
nodes = [
  h.make_node('If', ['c', ''], ['z'], name='choose', then_branch=branch('Relu'), else_branch=branch('Abs')),
  h.make_node('Odd', ['z'], ['y', 'more'], domain='my.domain', i=-7, f=0.25, s='text', ints=[1, -2**63, 2**53], floats=[0.5, -1.0],
    strings=['a', 'ä'], t=listed[0]),
]
graph = h.make_graph(nodes, 'g', [x, seq], [y], initializer=listed + raw, value_info=[h.make_tensor_value_info('z', T.INT64, [4])])
fn = h.make_function('my.domain', 'Twice', ['a'], ['b'], [h.make_node('Add', ['a', 'a'], ['b'])], [h.make_opsetid('', 17)])
model = h.make_model(graph, opset_imports=[h.make_opsetid('', 17), h.make_opsetid('my.domain', 2)], ir_version=8, producer_name='p', producer_version='1.2', functions=[fn])
h.set_model_props(model, {'author': 'nobody'})
sys.stdout.buffer.write(model.SerializeToString())`;
    const { stdout, stderr, status } = spawnSync(debianPython, ['-c', program]);
    expect(status, String(stderr)).toBe(0);
    // A Node Buffer inside a larger one.
    const model = readModel(Buffer.concat([Buffer.alloc(3), stdout]).subarray(3));
    expect(model).toMatchObject({
      irVersion: 8,
      producer: 'p',
      producerVersion: '1.2',
      opsets: { '': 17, 'my.domain': 2 },
      metadata: { author: 'nobody' },
    });
    const { graph } = model;
    expect(graph.inputs).toEqual([
      { name: 'x', type: 'float16', shape: ['batch', undefined, 3, 'H'] },
      { name: 's', type: 'sequence', shape: undefined },
    ]);
    expect(graph.outputs).toEqual([{ name: 'y', type: 'float32', shape: undefined }]);
    expect(graph.values).toEqual([{ name: 'z', type: 'int64', shape: [4] }]);
    const [choose, odd] = graph.nodes;
    expect(choose).toMatchObject({
      name: 'choose',
      type: 'If',
      domain: '',
      inputs: ['c', ''],
      outputs: ['z'],
    });
    expect(odd).toMatchObject({ domain: 'my.domain', outputs: ['y', 'more'] });
    const { t, ...plain } = odd!.attributes;
    expect(plain).toEqual({
      i: { int: -7 },
      f: { float: 0.25 },
      s: { string: 'text' },
      ints: { ints: [1, -(2 ** 63), 2 ** 53] },
      floats: { floats: [0.5, -1] },
      strings: { strings: ['a', 'ä'] },
    });
    expect(t).toMatchObject({ tensor: { name: 'listed 1', shape: [2, 1] } });
    expect([...allNodes(model)].map(({ type }) => type).sort()).toEqual(['Abs', 'Add', 'If', 'Odd', 'Relu']);

    const expected: Record<string, unknown> = {
      1: Float32Array.of(0.5, -3),
      11: Float64Array.of(0.1, -3),
      3: Int8Array.of(-128, 127),
      2: Uint8Array.of(0, 255),
      5: Int16Array.of(-32768, 5),
      4: Uint16Array.of(65535, 5),
      6: Int32Array.of(-(2 ** 31), 7),
      12: Uint32Array.of(2 ** 32 - 1, 7),
      7: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
      13: BigUint64Array.of(2n ** 64n - 1n, 7n),
      9: Uint8Array.of(1, 0),
      10: Float32Array.of(65504, -(2 ** -24)),
      16: Float32Array.of(0.5, -3),
    };
    expect(graph.initializers).toHaveLength(25);
    for (const constant of graph.initializers) {
      const [how, code] = constant.name.split(' ');
      expect(constant.content.kind).toBe(how);
      expect(tensorValues(constant), `${constant.name} ${constant.type}`).toEqual(expected[code!]);
    }
  },
);
