import {
  type OnnxDimension,
  type OnnxModel,
  type OnnxValue,
  requiredInputs,
} from '@glisson/nn/onnx/onnx-model';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { ForeignPlan } from '../../plan/foreign-plan.ts';
import { hasUprightRows } from './array-places.ts';

/** How a model is fed and asked. */
export interface ModelPorts {
  readonly input: string;
  readonly output: string;
  /** 1 when the model takes one tile at a time. */
  readonly mostTiles?: 1;
}

/** `'x' float32 [N, 3, 512, ?]` */
export function describeValue({ name, type, shape }: OnnxValue): string {
  const sizes = shape === undefined ? 'of unknown shape' : `[${shape.map((size) => size ?? '?').join(', ')}]`;
  return `'${name}' ${type} ${sizes}`;
}

export function describeValues(values: readonly OnnxValue[]): string {
  return values.map(describeValue).join('; ') || 'none';
}

/**
 * Finds the input and output that a plan means, and checks what the model says of them: element types, axes,
 * channels, sizes. Sizes that the model leaves open are checked when it runs.
 * @param where the model file, for errors
 * @throws PipelineError `model-invalid`
 */
export function checkForeignModel(model: OnnxModel, plan: ForeignPlan, where: string): ModelPorts {
  const refuse = (summary: string, found: string, expected: string, advice: string) =>
    new PipelineError('model-invalid', summary, { where, found, expected, advice });
  assertOneFile(model, where);
  const inputs = requiredInputs(model.graph);
  const input = choose(inputs, plan.input.name);
  if (input === undefined) {
    throw refuse(
      'The model does not have the input that the plan names.',
      `inputs ${describeValues(inputs)}`,
      plan.input.name === null ? 'a single input, since input.name is null' : `input '${plan.input.name}'`,
      'Set input.name in the plan.',
    );
  }
  if (inputs.length > 1) {
    throw refuse(
      'The model needs more inputs than the image.',
      describeValues(inputs),
      `only '${input.name}'`,
      'Export the model with the other inputs as constants.',
    );
  }
  const { outputs } = model.graph;
  const output = choose(outputs, plan.output.name);
  if (output === undefined) {
    throw refuse(
      'The model does not have the output that the plan names.',
      `outputs ${describeValues(outputs)}`,
      plan.output.name === null
        ? 'a single output, since output.name is null'
        : `output '${plan.output.name}'`,
      'Set output.name in the plan.',
    );
  }
  const sizes = checkInput(input, plan, where);
  checkOutput(output, sizes, plan, where);
  return { input: input.name, output: output.name, ...(sizes.N === 1 && { mostTiles: 1 as const }) };
}

function choose(values: readonly OnnxValue[], name: string | null): OnnxValue | undefined {
  if (name === null) return values.length === 1 ? values[0] : undefined;
  return values.find((value) => value.name === name);
}

function assertOneFile({ graph }: OnnxModel, where: string): void {
  const outside = graph.initializers.find(({ content }) => content.kind === 'external');
  if (outside === undefined) return;
  throw new PipelineError('model-invalid', 'The weights of this model are in another file.', {
    where,
    found: `'${outside.name}' is stored outside`,
    expected: 'a model in one file',
    advice: 'Save it again without external data, for example: onnx.save(onnx.load(file), one_file).',
  });
}

/** Sizes by axis: N, C, H, W. */
type Sizes = Readonly<Record<string, OnnxDimension>>;

function checkInput(input: OnnxValue, plan: ForeignPlan, where: string): Sizes {
  const { layout, channels } = plan.input;
  const refuse = (summary: string, expected: string, advice: string) =>
    new PipelineError('model-invalid', summary, {
      where,
      found: `input ${describeValue(input)}`,
      expected,
      advice,
    });
  if (input.type !== 'float32') {
    throw refuse(
      'The model does not take float32 numbers.',
      'float32',
      input.type === 'float16'
        ? 'Convert it with its inputs and outputs kept in float32 (keep_io_types), or back to float32.'
        : 'Export it with a float32 input.',
    );
  }
  const { shape } = input;
  if (shape === undefined) return {};
  if (shape.length !== 4) {
    throw refuse(
      shape.length === 5 ? 'This is a network of 3-D patches.' : 'The model does not take a batch of images.',
      `four axes, ${layout}`,
      'Only networks that segment slice by slice can be run.',
    );
  }
  const sizes = byAxis(layout, shape);
  if (typeof sizes.C === 'number' && sizes.C !== channels.length) {
    const other = layout === 'NCHW' ? 'NHWC' : 'NCHW';
    throw refuse(
      'The model takes another number of channels than the plan gives.',
      `${channels.length} at axis ${layout.indexOf('C')}, one for each of input.channels (layout ${layout})`,
      byAxis(other, shape).C === channels.length
        ? `Set input.layout to ${other}.`
        : `Describe all ${sizes.C} in input.channels: the same window may be repeated.`,
    );
  }
  if (typeof sizes.N === 'number' && sizes.N !== 1) {
    throw refuse('The model takes a fixed number of images at once.', '1, or an open size', 'Export it so.');
  }
  const { size, multipleOf } = plan.tile;
  const [rows, columns] = hasUprightRows(plan.input) ? [size[1], size[0]] : size;
  const fixed = [
    ['rows', sizes.H, rows],
    ['columns', sizes.W, columns],
  ] as const;
  for (const [name, found, planned] of fixed) {
    if (typeof found !== 'number' || (found === planned && multipleOf === null)) continue;
    throw refuse(
      `The model takes exactly ${found} ${name}.`,
      multipleOf === null
        ? `tile.size ${size.join(' x ')}`
        : `any multiple of ${multipleOf}, as tile.multipleOf says`,
      'Set tile.size to what the model takes, and tile.multipleOf to null.',
    );
  }
  return sizes;
}

const labelTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'int64',
  'bool',
  'float32',
  'float64',
];

function checkOutput(output: OnnxValue, input: Sizes, plan: ForeignPlan, where: string): void {
  const { layout, activation, labels } = plan.output;
  const refuse = (summary: string, expected: string, advice: string) =>
    new PipelineError('model-invalid', summary, {
      where,
      found: `output ${describeValue(output)}`,
      expected,
      advice,
    });
  const types = activation === 'labels' ? labelTypes : ['float32', 'float64'];
  if (!types.includes(output.type)) {
    throw refuse(
      `The output of the model is not what output.activation ${activation} needs.`,
      types.join(' or '),
      /int/.test(output.type)
        ? 'If these are labels, set output.activation to labels.'
        : 'Export the model with a float32 output.',
    );
  }
  const { shape } = output;
  if (shape === undefined) return;
  if (shape.length !== layout.length) {
    throw refuse(
      'The output of the model has another number of axes than the plan says.',
      `${layout.length} axes, ${layout}`,
      'Correct output.layout, or export a network that segments slice by slice.',
    );
  }
  const sizes = byAxis(layout, shape);
  const channels = activation === 'labels' ? 1 : labels.length;
  if (typeof sizes.C === 'number' && sizes.C !== channels) {
    throw refuse(
      'The output of the model has another number of channels than the plan says.',
      `${channels} at axis ${layout.indexOf('C')}${activation === 'labels' ? ', since the output is labels' : ', one for each of output.labels'} (layout ${layout})`,
      'Correct output.layout, output.labels or output.activation.',
    );
  }
  for (const axis of ['H', 'W']) {
    const [given, got] = [input[axis], sizes[axis]];
    if (typeof given !== 'number' || typeof got !== 'number' || given === got) continue;
    throw refuse(
      'The output of the model has another size than its input.',
      `${given} at axis ${layout.indexOf(axis)}, as the input has`,
      'Export the model with its output resized to the input, and padded convolutions.',
    );
  }
}

function byAxis(layout: string, shape: readonly OnnxDimension[]): Sizes {
  return Object.fromEntries([...layout].map((axis, index) => [axis, shape[index]]));
}
