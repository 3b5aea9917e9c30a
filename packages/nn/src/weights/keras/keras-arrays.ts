import { NetworkError } from '../../errors/network-error.ts';
import { type Shape, sizeOf } from '../../graph/shape.ts';
import type { NumberType } from '../number-types.ts';
import type { Hdf5Dataset, Hdf5Group, Hdf5Listing } from './hdf5-messages.ts';

/** An array of a Keras file, and how it is turned into PyTorch's layout. */
export interface KerasArray {
  /** `layer.weight`, `layer.bias`, `layer.running_mean`, `layer.running_var`. */
  readonly name: string;
  /** Of the dataset in the file. */
  readonly path: string;
  readonly type: NumberType;
  readonly fileShape: Shape;
  /** Axes of the file in the order in which they are wanted. */
  readonly axes: readonly number[];
  /** After that; a depthwise kernel has two of its axes joined. */
  readonly shape: Shape;
}

export interface KerasArrays {
  readonly arrays: readonly KerasArray[];
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
}

/** Keras's names of variables, also those of its first years, and PyTorch's. */
const variables: Readonly<
  Record<string, { readonly part: string; readonly kind: 'kernel' | 'depthwise' | 'vector' }>
> = {
  kernel: { part: 'weight', kind: 'kernel' },
  W: { part: 'weight', kind: 'kernel' },
  depthwise_kernel: { part: 'weight', kind: 'depthwise' },
  bias: { part: 'bias', kind: 'vector' },
  b: { part: 'bias', kind: 'vector' },
  gamma: { part: 'weight', kind: 'vector' },
  beta: { part: 'bias', kind: 'vector' },
  moving_mean: { part: 'running_mean', kind: 'vector' },
  running_mean: { part: 'running_mean', kind: 'vector' },
  moving_variance: { part: 'running_var', kind: 'vector' },
  // Despite its name Keras 1 kept the variance in it.
  running_std: { part: 'running_var', kind: 'vector' },
};

/**
 * The layers of a Keras file of weights or of a whole model: groups that the attribute `layer_names` lists, each with
 * its `weight_names`. Kernels [H, W, I, O] become [O, I, H, W] (with one or three axes of space alike), dense kernels
 * [I, O] become [O, I], depthwise kernels [H, W, C, M] become [C M, 1, H, W].
 * @throws NetworkError 'unsupported' when it is no such file
 */
export function kerasArrays({ groups, datasets }: Hdf5Listing, fileName: string): KerasArrays {
  const byPath = new Map(groups.map((group) => [group.path, group]));
  const dataOf = new Map(datasets.map((dataset) => [dataset.path, dataset]));
  const root = [byPath.get('/'), byPath.get('/model_weights')].find(
    (group) => listOf(group, 'layer_names') !== undefined,
  );
  if (root === undefined) {
    const isKeras3 = byPath.has('/layers') || byPath.has('/_layer_checkpoint_dependencies');
    throw new NetworkError(
      'unsupported',
      isKeras3
        ? `${fileName} is a .weights.h5 of Keras 3, which does not tell what its numbers are. Save it as a .h5 of the whole model: model.save('model.h5').`
        : `${fileName} is HDF5, but no Keras weights: it has no attribute layer_names.`,
    );
  }
  const arrays: KerasArray[] = [];
  const leftOut: { name: string; reason: string }[] = [];
  for (const layer of listOf(root, 'layer_names')!) {
    const path = root.path === '/' ? `/${layer}` : `${root.path}/${layer}`;
    const weights = (listOf(byPath.get(path), 'weight_names') ?? []).map((weight) =>
      parseWeight(weight, layer),
    );
    // A model inside the model is one layer with the names of its own layers before those of the weights.
    const isNested = new Set(weights.map(({ scope }) => scope)).size > 1;
    for (const { weight, variable, scope } of weights) {
      const name = isNested ? scope : layer;
      const dataset = dataOf.get(`${path}/${weight}`);
      if (dataset === undefined) {
        throw new NetworkError(
          'damaged',
          `${fileName} lists '${weight}' of layer '${layer}', and has no such array.`,
        );
      }
      const array = convert(dataset, name, variable);
      if (typeof array === 'string') leftOut.push({ name: `${layer}/${weight}`, reason: array });
      else arrays.push(array);
    }
  }
  const names = new Set(arrays.map(({ name }) => name));
  if (names.size < arrays.length) {
    const twice = arrays.find(({ name }) => !names.delete(name))!.name;
    throw new NetworkError('damaged', `${fileName} has two arrays '${twice}'.`);
  }
  return { arrays, leftOut };
}

/** A list that Keras cuts into attributes NAME0, NAME1, … where it is long. */
function listOf(group: Hdf5Group | undefined, name: string): readonly string[] | undefined {
  if (group === undefined) return undefined;
  const whole = group.attributes[name];
  if (whole !== undefined) return whole;
  const pieces: string[] = [];
  for (let i = 0; group.attributes[`${name}${i}`] !== undefined; i++)
    pieces.push(...group.attributes[`${name}${i}`]!);
  return pieces.length > 0 ? pieces : undefined;
}

/** `conv1/kernel:0`, `block1_conv1_W_1:0` or `conv1_W`: what comes before the variable, and the variable. */
function parseWeight(weight: string, layer: string): { weight: string; scope: string; variable: string } {
  const parts = weight.replace(/:\d+$/, '').split('/');
  const whole = parts.pop()!;
  const names = [whole, whole.startsWith(`${layer}_`) ? whole.slice(layer.length + 1) : whole];
  const candidates = names.flatMap((name) => [name, name.replace(/_\d+$/, '')]);
  // A layer called 'depthwise' has a 'depthwise_kernel'.
  const variable = candidates.find((name) => Object.hasOwn(variables, name)) ?? whole;
  return { weight, scope: parts.join('/'), variable };
}

/** The array, or why there is none. */
function convert(dataset: Hdf5Dataset, layer: string, variable: string): KerasArray | string {
  const { path, type, shape } = dataset;
  const known = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
  if (known === undefined) return `'${variable}' is no variable of a convolution, dense layer or norm`;
  if (type === undefined) return 'numbers of a type that is not read';
  const axes = shape.map((_, axis) => axis);
  const spatial = axes.slice(0, -2);
  const [inputs, outputs] = [shape.length - 2, shape.length - 1];
  const about = { name: `${layer}.${known.part}`, path, type, fileShape: shape };
  if (known.kind === 'vector') return { ...about, axes, shape };
  if (shape.length < 2) return `a kernel of ${shape.length} axes`;
  if (known.kind === 'depthwise') {
    const order = [inputs, outputs, ...spatial];
    const kernel = spatial.map((axis) => shape[axis]!);
    return { ...about, axes: order, shape: [shape[inputs]! * shape[outputs]!, 1, ...kernel] };
  }
  const order = [outputs, inputs, ...spatial];
  return { ...about, axes: order, shape: order.map((axis) => shape[axis]!) };
}

/** The numbers of an array with its axes in another order; copies. @param shape as the values have it */
export function permuteAxes(values: Float32Array, shape: Shape, axes: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  const sizes = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => sizeOf(shape.slice(axis + 1)));
  const index = new Array<number>(axes.length).fill(0);
  let source = 0;
  for (let target = 0; target < result.length; target++) {
    result[target] = values[source]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      index[axis]!++;
      if (index[axis]! < sizes[axis]!) break;
      source -= sizes[axis]! * steps[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
