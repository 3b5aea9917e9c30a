import { gradients } from '../autodiff/gradients.ts';
import { NetworkError } from '../errors/network-error.ts';
import { compositeOperator } from '../graph/composite.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { input, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { writeModel } from '../onnx/write-model.ts';
import { mul, relu, sub } from '../operators/elementwise.ts';
import { concat, slice } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { reduceMean } from '../operators/reduce-mean.ts';
import { logSoftmax, softmax } from '../operators/softmax.ts';
import { openEngine } from '../runtime/engine.ts';
import { imageName, type PredictorOptions, probabilitiesName } from '../runtime/predictor.ts';
import { inferenceScope } from '../training/scopes/inference-scope.ts';
import type { Weights } from '../training/weights.ts';
import { receptiveFields } from './receptive-field.ts';

/** What a classifier's last feature maps say for one class, position by position. */
export interface GradCam {
  /** [...size], 0 or more: how much a position speaks for the class. */
  readonly values: Float32Array;
  readonly size: readonly number[];
  /** Per axis: the pixel in the middle of what each position sees; fractions where it lies between two. */
  readonly centres: readonly (readonly number[])[];
  /** Softmax probabilities of all classes. */
  readonly probabilities: Float32Array;
}

export interface GradCamOptions extends PredictorOptions {
  /** Of which class. */
  readonly classIndex: number;
}

const mapName = 'map';

/**
 * Grad-CAM of one image [C, ...S] (Selvaraju and others, 2017, arXiv 1610.02391): the last feature maps with more than one
 * position per axis, weighted by the mean of the score's derivative over positions, summed, and cut at 0. The score is the
 * logit of the class less the logarithm of the others' summed exponentials: softmax knows only such differences.
 * Weights are used with their running statistics. The image is not changed.
 *
 * Throws a `NetworkError`: 'value-invalid' for a class or a network that is none, 'shape-mismatch' for an image that is not
 * `imageSize`, 'unsupported' where no value has positions.
 */
export async function gradCam(
  network: Network,
  weights: Weights,
  image: Float32Array,
  imageSize: readonly number[],
  { classIndex, ...options }: GradCamOptions,
): Promise<GradCam> {
  const shape = [1, network.inputChannels, ...imageSize];
  if (image.length !== sizeOf(shape)) {
    throw new NetworkError(
      'shape-mismatch',
      `gradCam: ${image.length} numbers do not fill an image ${formatShape(shape)}`,
    );
  }
  const source = input(imageName, shape);
  const logits = network.forward(scopeOf(inferenceScope(weights, { folded: true })), source);
  const { map, centres } = gradCamGraph(logits, source, classIndex);
  const outputs = { [mapName]: map, [probabilitiesName]: softmax(logits, 1) };
  const engine = await openEngine(writeModel({ name: `${network.name} Grad-CAM`, outputs }), options);
  try {
    const data = image.slice();
    const found = await engine.send({ kind: 'run', feeds: { [imageName]: { data, dims: shape } } }, [
      data.buffer,
    ]);
    return {
      values: found[mapName]!.data as Float32Array,
      size: map.shape.slice(1),
      centres,
      probabilities: found[probabilitiesName]!.data as Float32Array,
    };
  } finally {
    await engine.close();
  }
}

/** The graph of `gradCam`: `map` [1, ...positions] from `logits` [1, classes], which depend on `image` [1, C, ...S]. */
export function gradCamGraph(
  logits: Tensor,
  image: Tensor,
  classIndex: number,
): { readonly map: Tensor; readonly centres: readonly (readonly number[])[] } {
  const [, classes] = logits.shape as [number, number];
  if (logits.shape.length !== 2 || classes < 2 || !(classIndex >= 0 && classIndex < classes)) {
    throw new NetworkError(
      'value-invalid',
      `gradCam: class ${classIndex} of logits ${formatShape(logits.shape)}: expected a classification, and one of its classes from 0 on`,
    );
  }
  const { maps, centres } = lastMaps(logits, image);
  const [slopes] = gradients(logOdds(logits, classIndex), [maps]);
  const positions = maps.shape.map((_, axis) => axis).slice(2);
  const shares = reduceMean(slopes!, positions, true);
  return { map: relu(reduceSum(mul(shares, maps), [1])), centres };
}

/** Logarithm of p / (1 - p) of one class, a scalar. */
function logOdds(logits: Tensor, classIndex: number): Tensor {
  const classes = logits.shape[1]!;
  const one = (tensor: Tensor, index: number) => slice(tensor, 1, index, index + 1);
  const rest = Array.from({ length: classes }, (_, index) => index).filter((index) => index !== classIndex);
  const others = concat(
    rest.map((index) => one(logits, index)),
    1,
  );
  // Any of the others less its log-softmax is the logarithm of their summed exponentials.
  const sum = sub(one(others, 0), one(logSoftmax(others, 1), 0));
  return reduceSum(sub(one(logits, classIndex), sum), [0, 1]);
}

/** The last value with channels and more than one position on every axis, among those that derivatives flow through. */
function lastMaps(logits: Tensor, image: Tensor) {
  const fields = receptiveFields(image, [logits]);
  const flowing = new Set<Tensor>([logits]);
  for (const tensor of topologicalOrder([logits]).toReversed()) {
    if (!flowing.has(tensor)) continue;
    const sources = tensor.operator.name === compositeOperator.name ? tensor.inputs.slice(1) : tensor.inputs;
    for (const one of sources) flowing.add(one);
  }
  const isMap = (tensor: Tensor) =>
    tensor !== image &&
    flowing.has(tensor) &&
    tensor.shape.length === image.shape.length &&
    isSpread(tensor.shape) &&
    fields.get(tensor)?.every(({ stride }) => stride !== null) === true;
  const maps = topologicalOrder([logits]).findLast(isMap);
  if (maps === undefined) {
    throw new NetworkError(
      'unsupported',
      `gradCam: no layer has more than one position for an image ${formatShape(image.shape)}: expected a network of convolutions, and an image that is larger than what its last map sees`,
    );
  }
  const centres = fields.get(maps)!.map(({ start, size, stride }, axis) => {
    return Array.from({ length: maps.shape[axis + 2]! }, (_, i) => start + i * stride! + (size - 1) / 2);
  });
  return { maps, centres };
}

function isSpread(shape: Shape): boolean {
  return shape.slice(2).every((length) => length > 1);
}
