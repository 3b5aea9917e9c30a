import { gradientOf, withGradient } from '../graph/composite.ts';
import { shapeError } from '../graph/origin.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, constant, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { batchNorm } from './batch-norm.ts';
import { channelAffine } from './channel-affine.ts';
import { add, div, mul, neg, sqrt, sub } from './elementwise.ts';
import { imageSizes } from './image.ts';
import { reshape } from './layout.ts';
import { expand, reduceSum } from './reduce.ts';

export interface GroupNormOptions {
  /** Gain per channel [C]; without it 1. */
  readonly gamma?: Tensor;
  /** Shift per channel [C]; without it 0. */
  readonly beta?: Tensor;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * Group normalisation of [N, C, ...S] (Wu and He, 2018): the channels of each image are split into `groups`, and every
 * group of every image is normalised by its own mean and variance:
 * y = gamma z + beta with z = (x - mean) / sqrt(var + epsilon); two passes: var = mean of (x - mean)^2.
 * With h = gamma dy: dx = (h - mean h - z mean(h z)) / sd; dgamma = sum dy z, dbeta = sum dy.
 */
export function groupNorm(x: Tensor, groups: number, options: GroupNormOptions = {}): Tensor {
  const { n, c, spatial } = imageSizes('groupNorm', x, 0);
  const { epsilon = 1e-5 } = options;
  const gamma = options.gamma ?? constant(new Float32Array(c).fill(1), [c]);
  const beta = options.beta ?? constant(new Float32Array(c), [c]);
  if (
    !(Number.isInteger(groups) && groups > 0 && c % groups === 0) ||
    [gamma, beta].some(({ shape }) => shape.length !== 1 || shape[0] !== c)
  ) {
    throw shapeError(
      `groupNorm: image ${formatShape(x.shape)} in ${groups} groups with gamma ${formatShape(gamma.shape)} and beta ${formatShape(beta.shape)} does not fit: expected groups that divide ${c} channels, gamma and beta [${c}]`,
    );
  }
  const inference = (...sources: Tensor[]) => apply(groupNormOperator, sources, { groups, epsilon });
  const perImage = (vector: Tensor) => reshape(expand(vector, [n, c]), [n * c]);
  const summed = (vector: Tensor) => reduceSum(reshape(vector, [n, c]), [0]);
  // The channels of all images as channels of one.
  const planes = [1, n * c, ...spatial];
  if (groups === c) {
    // The batch norm of that one image, whose steps the engine does in blocks of channels.
    const { result } = batchNorm(reshape(x, planes), perImage(gamma), perImage(beta), epsilon);
    return withGradient(
      'groupNorm',
      reshape(result, x.shape),
      [x, gamma, beta],
      (dy, needed) => {
        const [dx, dGamma, dBeta] = gradientOf(result)(reshape(dy, planes), needed);
        return [reshape(dx!, x.shape), summed(dGamma!), summed(dBeta!)];
      },
      inference,
    );
  }
  const pixels = sizeOf(spatial);
  const inGroup = c / groups;
  const count = scalar(inGroup * pixels);
  // The same numbers in three views: rows to normalise, planes to scale, and channels in groups.
  const rows = [n * groups, inGroup * pixels];
  const meanOf = (values: Tensor) => div(reduceSum(values, [1], true), count);
  const inRows = reshape(x, rows);
  const centred = sub(inRows, meanOf(inRows));
  const variance = meanOf(mul(centred, centred));
  const inverse = div(scalar(1), sqrt(add(variance, scalar(epsilon))));
  const grouped = (perChannel: Tensor) => reshape(perChannel, [groups, inGroup]);
  const ofGroups = (perRow: Tensor) => reshape(perRow, [n, groups, 1]);
  const slope = reshape(mul(grouped(gamma), ofGroups(inverse)), [n * c]);
  const body = reshape(channelAffine(reshape(centred, planes), slope, perImage(beta)), x.shape);
  return withGradient(
    'groupNorm',
    body,
    [x, gamma, beta],
    (dy) => {
      // Sums over the pixels first: whatever follows is small, but for the last step.
      const planeSums = (values: Tensor) =>
        reshape(reduceSum(reshape(values, [n * c, pixels]), [1]), [n, groups, inGroup]);
      const sums = planeSums(dy);
      const products = planeSums(mul(reshape(dy, rows), centred));
      const weighted = (values: Tensor) => reduceSum(mul(values, grouped(gamma)), [2], true);
      const dGamma = reshape(reduceSum(mul(products, ofGroups(inverse)), [0]), [c]);
      const dBeta = reshape(reduceSum(sums, [0]), [c]);
      const scale = div(ofGroups(inverse), count);
      const a = neg(mul(scale, weighted(sums)));
      const squared = mul(ofGroups(inverse), ofGroups(inverse));
      const b = neg(mul(mul(scale, squared), weighted(products)));
      const shifts = reshape(expand(a, [n, groups, inGroup]), [n * c]);
      const rest = mul(centred, reshape(b, [n * groups, 1]));
      const dx = channelAffine(reshape(dy, planes), slope, shifts, reshape(rest, planes));
      return [reshape(dx, x.shape), dGamma, dBeta];
    },
    inference,
  );
}

/**
 * Instance normalisation of [N, C, ...S] (Ulyanov, Vedaldi and Lempitsky, 2016): every channel of every image by its own
 * mean and variance; `groupNorm` with one channel per group.
 */
export function instanceNorm(x: Tensor, options: GroupNormOptions = {}): Tensor {
  return groupNorm(x, imageSizes('instanceNorm', x, 0).c, options);
}

interface GroupNormAttributes {
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * Group normalisation as one step, of whatever image size: the form for inference. Inputs: x, gamma [C], beta [C].
 */
export const groupNormOperator: Operator<GroupNormAttributes> = {
  name: 'groupNorm',
  infer: ([x]) => ({ shape: x!.shape, type: 'float32' }),
  emit: (result, [x, gamma, beta], onnx) => {
    const { groups, epsilon } = attributesOf(groupNormOperator, result);
    const [, channels, ...spatial] = result.shape as [number, number, ...number[]];
    const normalised = (image: string, gain: string, shift: string) =>
      onnx.node('InstanceNormalization', [image, gain, shift], { epsilon: { float: epsilon } });
    if (groups === channels) return normalised(x!, gamma!, beta!);
    const rows = onnx.node('Reshape', [x!, onnx.int64([0, groups, -1])]);
    // ONNX normalises channels only: the groups are made channels.
    const vector = (value: number) => onnx.float32s(new Array<number>(groups).fill(value));
    const z = onnx.node('Reshape', [normalised(rows, vector(1), vector(0)), onnx.node('Shape', [x!])]);
    const wide = (vector: string) =>
      onnx.node('Reshape', [vector, onnx.int64([channels, ...spatial.map(() => 1)])]);
    return onnx.node('Add', [onnx.node('Mul', [z, wide(gamma!)]), wide(beta!)]);
  },
  evaluate: (result, [x, gamma, beta]) => {
    const { groups, epsilon } = attributesOf(groupNormOperator, result);
    const [n, c, ...spatial] = result.shape as [number, number, ...number[]];
    const pixels = sizeOf(spatial);
    const count = (c / groups) * pixels;
    const values = new Float64Array(x!.values.length);
    for (let row = 0; row < n * groups; row++) {
      const numbers = x!.values.subarray(row * count, (row + 1) * count);
      const mean = numbers.reduce((sum, value) => sum + value, 0) / count;
      const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
      for (let i = 0; i < count; i++) {
        const channel = Math.floor((row * count + i) / pixels) % c;
        const z = (numbers[i]! - mean) / Math.sqrt(variance + epsilon);
        values[row * count + i] = gamma!.values[channel]! * z + beta!.values[channel]!;
      }
    }
    return values;
  },
};
