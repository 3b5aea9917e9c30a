import type { OnnxModel, OnnxValue } from '@glisson/nn/onnx/onnx-model';
import { describe, expect, test } from 'vitest';
import { parseForeignPlan } from '../../plan/read-foreign-plan.ts';
import {
  floatConstant,
  type ThresholdModelOptions,
  thresholdForeignPlan,
  thresholdOnnx,
} from '../../testing/foreign-models.ts';
import { checkForeignModel } from './check-model.ts';

/** A plan with fields of its parts changed. */
function planWith(changes: Record<string, object> = {}, options: ThresholdModelOptions = {}) {
  const plan: Record<string, unknown> = thresholdForeignPlan(options);
  for (const [part, fields] of Object.entries(changes)) plan[part] = { ...(plan[part] as object), ...fields };
  return parseForeignPlan(JSON.stringify(plan), 'plan.json');
}
function withPorts(model: OnnxModel, changes: { inputs?: OnnxValue[]; outputs?: OnnxValue[] }): OnnxModel {
  return { ...model, graph: { ...model.graph, ...changes } };
}
const model = thresholdOnnx();
const [scan] = model.graph.inputs as [OnnxValue];
const [result] = model.graph.outputs as [OnnxValue];
const fixed = { tile: { size: [24, 16], multipleOf: null } };

describe('a model that fits its plan', () => {
  test('is fed and asked by the names that it has', () => {
    expect(checkForeignModel(model, planWith(), 'm.onnx')).toEqual({ input: 'scan', output: 'result' });
    const named = planWith({ output: { name: 'result' }, input: { name: 'scan' } });
    const more = withPorts(model, { outputs: [{ ...result, name: 'aux' }, result] });
    expect(checkForeignModel(more, named, 'm.onnx').output).toBe('result');
    // Old models list their constants as inputs.
    const listed = withPorts(model, { inputs: [scan, { name: 'one', type: 'float32', shape: [] }] });
    expect(checkForeignModel(listed, planWith(), 'm.onnx').input).toBe('scan');
  });

  test('one image at a time, fixed sizes, and rows that run along x', () => {
    const one = thresholdOnnx({ sizes: [1, 16, 24] });
    expect(checkForeignModel(one, planWith(fixed), 'm.onnx').mostTiles).toBe(1);
    const turned = { ...fixed, input: { rows: 'R', columns: 'A' } };
    expect(
      checkForeignModel(thresholdOnnx({ sizes: [1, 24, 16] }), planWith(turned), 'm.onnx').mostTiles,
    ).toBe(1);
  });

  test('where the model says nothing of its sizes, the run decides', () => {
    const silent = withPorts(model, {
      inputs: [{ ...scan, shape: undefined }],
      outputs: [{ ...result, shape: [undefined, undefined, undefined, undefined] }],
    });
    expect(checkForeignModel(silent, planWith(), 'm.onnx').input).toBe('scan');
  });
});

describe('what does not fit is refused, with what was found and expected', () => {
  const channels = (count: number) => ({
    input: { channels: new Array(count).fill({ windowHU: [-160, 240], scaleTo: [0, 1] }) },
  });
  test.each<[string, OnnxModel, Record<string, object>, RegExp]>([
    [
      'another input name',
      model,
      { input: { name: 'image' } },
      /'scan' float32 \[N, 1, H, W\].*input 'image'/,
    ],
    [
      'two inputs',
      withPorts(model, { inputs: [scan, { ...scan, name: 'prior' }] }),
      {},
      /'prior'.*a single input.*input\.name/,
    ],
    [
      'a second input',
      withPorts(model, { inputs: [scan, { ...scan, name: 'prior' }] }),
      { input: { name: 'scan' } },
      /more inputs.*'prior'/,
    ],
    [
      'two outputs',
      withPorts(model, { outputs: [result, { ...result, name: 'aux' }] }),
      {},
      /'aux'.*a single output/,
    ],
    ['another output name', model, { output: { name: 'probs' } }, /'result'.*output 'probs'/],
    [
      'float16 input',
      withPorts(model, { inputs: [{ ...scan, type: 'float16' }] }),
      {},
      /float32.*'scan' float16.*keep_io_types/,
    ],
    [
      'uint8 input',
      withPorts(model, { inputs: [{ ...scan, type: 'uint8' }] }),
      {},
      /'scan' uint8.*Expected: float32/,
    ],
    [
      'float16 output',
      withPorts(model, { outputs: [{ ...result, type: 'float16' }] }),
      {},
      /'result' float16.*float32 or float64/,
    ],
    [
      'labels where probabilities are planned',
      withPorts(model, { outputs: [{ ...result, type: 'int64' }] }),
      {},
      /'result' int64.*activation to labels/,
    ],
    [
      '3-D patches',
      withPorts(model, { inputs: [{ ...scan, shape: ['N', 1, 64, 64, 64] }] }),
      {},
      /3-D patches.*\[N, 1, 64, 64, 64\].*slice by slice/,
    ],
    ['no batch', withPorts(model, { inputs: [{ ...scan, shape: [1, 64, 64] }] }), {}, /four axes, NCHW/],
    ['channels', model, channels(3), /\[N, 1, H, W\].*Expected: 3 at axis 1.*Describe all 1/],
    [
      'the other layout',
      thresholdOnnx({ layout: 'NHWC', sizes: ['N', 64, 64] }),
      {},
      /\[N, 64, 64, 1\].*Set input\.layout to NHWC/,
    ],
    ['a fixed batch', thresholdOnnx({ sizes: [8, 'H', 'W'] }), {}, /fixed number of images.*\[8, 1, H, W\]/],
    [
      'a fixed size where any is planned',
      thresholdOnnx({ sizes: ['N', 16, 24] }),
      {},
      /exactly 16 rows.*any multiple of 4.*multipleOf to null/,
    ],
    [
      'another fixed size',
      thresholdOnnx({ sizes: ['N', 16, 32] }),
      fixed,
      /exactly 32 columns.*tile\.size 24 x 16/,
    ],
    [
      'channels of the output',
      model,
      { output: { labels: [{ value: 0, meaning: 'liver' }] } },
      /\[N, 3, H, W\].*1 at axis 1, one for each of output\.labels/,
    ],
    [
      'axes of the output',
      thresholdOnnx({ output: 'labels' }),
      { output: { layout: 'NCHW', activation: 'labels' } },
      /\[N, H, W\].*4 axes, NCHW/,
    ],
    [
      'a smaller output',
      withPorts(thresholdOnnx({ sizes: ['N', 16, 24] }), {
        outputs: [{ ...result, shape: ['N', 3, 8, 12] }],
      }),
      fixed,
      /another size.*\[N, 3, 8, 12\].*16 at axis 2/,
    ],
  ])('%s', (_name, changed, plan, message) => {
    const check = () => checkForeignModel(changed, planWith(plan), 'm.onnx');
    expect(check).toThrow(message);
    expect(check).toThrow(
      expect.objectContaining({ code: 'model-invalid', message: expect.stringContaining('m.onnx') }),
    );
  });

  test('weights in another file', () => {
    const outside = { ...floatConstant('w', 1), content: { kind: 'external', entries: {} } } as const;
    const graph = { ...model.graph, initializers: [outside] };
    expect(() => checkForeignModel({ ...model, graph }, planWith(), 'm.onnx')).toThrow(
      /'w' is stored outside/,
    );
  });
});
