import type { OnnxDimension, OnnxModel, OnnxNode, OnnxTensor } from '@glisson/nn/onnx/onnx-model';
import type { ForeignPlan } from '../plan/foreign-plan.ts';

/** A node without a name, of ONNX itself. */
export function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return { name: '', type, domain: '', inputs, outputs: [output], attributes };
}

export function floatConstant(name: string, value: number): OnnxTensor {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return { name, type: 'float32', shape: [], content: { kind: 'raw', bytes } };
}

export function intsConstant(name: string, values: readonly number[]): OnnxTensor {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, type: 'int64', shape: [values.length], content: { kind: 'raw', bytes } };
}

export interface ThresholdModelOptions {
  readonly layout?: 'NCHW' | 'NHWC';
  /** What comes out: a channel for each of background, liver and lesion, or their numbers as int64 [N, H, W]. */
  readonly output?: 'probabilities' | 'logits' | 'labels';
  /** Sizes of N, H and W. */
  readonly sizes?: readonly [OnnxDimension, OnnxDimension, OnnxDimension];
}

/**
 * A network that somebody might have made for the block phantom: takes HU as they are, finds lesion from 45 to 85
 * and liver from 85 to 150.
 */
export function thresholdOnnx(options: ThresholdModelOptions = {}): OnnxModel {
  const { layout = 'NCHW', output = 'probabilities', sizes = ['N', 'H', 'W'] } = options;
  const [n, h, w] = sizes;
  const shape = (channels: number) => (layout === 'NCHW' ? [n, channels, h, w] : [n, h, w, channels]);
  const axis = { int: layout.indexOf('C') };
  const above = (name: string, limit: string) => [
    node('Greater', ['scan', limit], `${name}?`),
    node('Cast', [`${name}?`], name, { to: { int: 1 } }),
  ];
  const last: Record<string, OnnxNode[]> = {
    probabilities: [node('Identity', ['shares'], 'result')],
    logits: [node('Mul', ['shares', 'steep'], 'result')],
    labels: [node('ArgMax', ['shares'], 'result', { axis, keepdims: { int: 0 } })],
  };
  return {
    irVersion: 8,
    producer: 'somebody',
    producerVersion: '1',
    opsets: { '': 13 },
    metadata: {},
    functions: [],
    graph: {
      name: 'thresholds',
      nodes: [
        ...above('tissue', 'lesion from'),
        ...above('firm', 'liver from'),
        ...above('dense', 'liver to'),
        node('Sub', ['tissue', 'firm'], 'lesion'),
        node('Sub', ['firm', 'dense'], 'liver'),
        node('Add', ['lesion', 'liver'], 'found'),
        node('Sub', ['one', 'found'], 'background'),
        node('Concat', ['background', 'liver', 'lesion'], 'shares', { axis }),
        ...last[output]!,
      ],
      initializers: [
        floatConstant('lesion from', 45),
        floatConstant('liver from', 85),
        floatConstant('liver to', 150),
        floatConstant('one', 1),
        floatConstant('steep', 20),
      ],
      inputs: [{ name: 'scan', type: 'float32', shape: shape(1) }],
      outputs: [
        output === 'labels'
          ? { name: 'result', type: 'int64', shape: [n, h, w] }
          : { name: 'result', type: 'float32', shape: shape(3) },
      ],
      values: [],
    },
  };
}

/** What a user would write for `thresholdOnnx` and the block phantom. */
export function thresholdForeignPlan(options: ThresholdModelOptions = {}) {
  const { layout = 'NCHW', output = 'probabilities' } = options;
  const activations = { probabilities: 'none', logits: 'softmax', labels: 'labels' } as const;
  return {
    kind: 'foreign-network',
    version: 1,
    name: 'thresholds',
    input: { layout, channels: [{ windowHU: [-160, 240], scaleTo: null }], spacingMm: null },
    tile: { size: [24, 16], multipleOf: 4 },
    output: {
      layout: output === 'labels' ? 'NHW' : layout,
      activation: activations[output],
      labels: [
        { value: 0, meaning: 'background' },
        { value: 1, meaning: 'liver' },
        { value: 2, meaning: 'lesion' },
      ],
    },
    postprocess: { minLesionMl: 0.01, minLiverMl: 1 },
  } satisfies Record<keyof Omit<ForeignPlan, 'model'>, unknown>;
}
