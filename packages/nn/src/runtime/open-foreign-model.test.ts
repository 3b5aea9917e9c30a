import { expect, test } from 'vitest';
import { encodeModel } from '../onnx/encode-model.ts';
import type { OnnxModel, OnnxNode, OnnxValue } from '../onnx/onnx-model.ts';
import { openForeignModel } from './open-foreign-model.ts';

const node = (type: string, input: string, output: string, domain = '', name = ''): OnnxNode => ({
  name,
  type,
  domain,
  inputs: [input],
  outputs: [output],
  attributes: {},
});
const floats = (name: string): OnnxValue => ({ name, type: 'float32', shape: [2] });

function modelOf(nodes: readonly OnnxNode[], changes: Partial<OnnxModel> = {}): OnnxModel {
  return {
    irVersion: 8,
    producer: 'somebody',
    producerVersion: '',
    opsets: { '': 13, 'my.domain': 1 },
    metadata: {},
    functions: [],
    graph: {
      name: 'g',
      nodes,
      initializers: [],
      inputs: [floats('x')],
      outputs: [{ name: nodes.at(-1)!.outputs[0]!, type: 'float32', shape: undefined }],
      values: [],
    },
    ...changes,
  };
}
const open = (model: OnnxModel) => openForeignModel(encodeModel(model), model, { threads: 1 });

test('every operator that the engine does not know is named, with its domain and node', async () => {
  const branch = modelOf([node('Inner', 'x', 'b', 'my.domain', 'deep')]).graph;
  const model = modelOf([
    node('Relu', 'x', 'a'),
    node('Foo', 'a', 'b', 'my.domain', 'first'),
    node('Mish', 'b', 'c', '', 'later'),
    node('Foo', 'c', 'd', 'my.domain', 'second'),
    node('Upsample', 'd', 'e'),
    node('Odd', 'e', 'f', 'not.imported'),
    {
      ...node('If', 'f', 'y'),
      attributes: { then_branch: { graph: branch }, else_branch: { graph: branch } },
    },
  ]);
  const error = await open(model).catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ name: 'NetworkError', code: 'operator-unknown' });
  const { message } = error as Error;
  expect(message).toContain(
    "5 operators of this model: Foo of domain 'my.domain', version 1 (node 'first' and 1 more)",
  );
  // Mish is of version 18, Upsample was withdrawn in 10.
  expect(message).toContain("Mish of ONNX, version 13 (node 'later')");
  expect(message).toContain("Upsample of ONNX, version 13 (the node that makes 'e')");
  expect(message).toContain("Odd of domain 'not.imported', which the model does not import");
  expect(message).toContain("Inner of domain 'my.domain', version 1 (node 'deep' and 1 more)");
  expect(message).not.toContain('Relu');
});

test('other faults stay what the engine says of them', async () => {
  await expect(open(modelOf([node('Conv', 'x', 'y')]))).rejects.toMatchObject({
    code: 'engine-failed',
    message: expect.stringContaining('Conv'),
  });
});

test('whole numbers of 64 bits come out as numbers', async () => {
  const toInt64: OnnxNode = { ...node('Cast', 'x', 'y'), attributes: { to: { int: 7 } } };
  const model = modelOf([toInt64]);
  const { graph } = model;
  const engine = await open({
    ...model,
    graph: { ...graph, outputs: [{ name: 'y', type: 'int64', shape: [2] }] },
  });
  const feeds = { x: { data: Float32Array.of(3.7, -2), dims: [2] } };
  const { y } = await engine.send({ kind: 'run', feeds });
  expect(y).toEqual({ data: Float32Array.of(3, -2), dims: [2] });
  await engine.close();
});
