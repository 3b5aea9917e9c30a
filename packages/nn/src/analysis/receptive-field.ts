import { compositeOperator } from '../graph/composite.ts';
import { sameShape } from '../graph/shape.ts';
import { attributesOf, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { averagePoolOperator, globalAveragePoolOperator } from '../operators/average-pooling.ts';
import { channelAffineOperator } from '../operators/channel-affine.ts';
import {
  convolutionAttributes,
  convolutionOperator,
  convolutionTransposeOperator,
} from '../operators/convolution.ts';
import { groupNormOperator } from '../operators/group-norm.ts';
import { concatOperator, reshapeOperator, sliceOperator } from '../operators/layout.ts';
import { padOperator } from '../operators/pad.ts';
import { maxPoolOperator } from '../operators/pooling.ts';
import { repeatOperator } from '../operators/repeat.ts';
import { logSoftmaxOperator, softmaxOperator } from '../operators/softmax.ts';
import { upConvolutionOperator } from '../operators/up-convolution.ts';

/** What the elements of a value see along one axis of the image: element i sees `size` pixels from `start + i * stride`. */
export interface AxisField {
  /** First pixel that element 0 sees; negative where it sees padding. May be a fraction after up-convolutions. */
  readonly start: number;
  readonly size: number;
  /** Pixels from one element to the next; null where the axis is gone (flattened, or one mean of all). */
  readonly stride: number | null;
}

/** One per spatial axis, outermost first. */
export type ReceptiveField = readonly AxisField[];

/**
 * Receptive fields on `image` [N, C, ...S] of every value on the way from it to `outputs`: the pixels that an element
 * can depend on through windows (Araujo, Norris and Sim, 2019, Distill). Where branches join, the field covers both.
 * Statistics that a norm takes of whole images are left out, as is usual; operators that mix positions in a way of
 * their own count as seeing everything.
 */
export function receptiveFields(
  image: Tensor,
  outputs: readonly Tensor[],
): ReadonlyMap<Tensor, ReceptiveField> {
  const fields = new Map<Tensor, ReceptiveField>();
  fields.set(
    image,
    image.shape.slice(2).map(() => ({ start: 0, size: 1, stride: 1 })),
  );
  for (const tensor of topologicalOrder(outputs)) {
    if (tensor === image || !tensor.inputs.some((source) => fields.has(source))) continue;
    fields.set(tensor, fieldOf(tensor, fields));
  }
  return fields;
}

type Fields = ReadonlyMap<Tensor, ReceptiveField>;

function fieldOf(tensor: Tensor, fields: Fields): ReceptiveField {
  const { operator, inputs } = tensor;
  const [first] = inputs as [Tensor];
  const field = fields.get(first);
  if (field === undefined) return everything(tensor, fields);
  switch (operator.name) {
    case compositeOperator.name:
    case channelAffineOperator.name:
    case groupNormOperator.name:
      return field;
    case convolutionOperator.name: {
      const kernel = inputs[1]!.shape.slice(2);
      return windows(field, { kernel, ...convolutionAttributes(tensor) });
    }
    case maxPoolOperator.name:
      return windows(field, attributesOf(maxPoolOperator, tensor));
    case averagePoolOperator.name:
      return windows(field, attributesOf(averagePoolOperator, tensor));
    case globalAveragePoolOperator.name:
      return whole(field, first);
    case convolutionTransposeOperator.name: {
      const kernel = inputs[1]!.shape.slice(2);
      return spread(field, { kernel, ...attributesOf(convolutionTransposeOperator, tensor) });
    }
    case upConvolutionOperator.name: {
      const kernel = inputs[1]!.shape.slice(2);
      return spread(field, { kernel, stride: kernel, pads: kernel.map(() => 0) });
    }
    case repeatOperator.name: {
      const { factors } = attributesOf(repeatOperator, tensor);
      return spread(field, { kernel: factors, stride: factors, pads: factors.map(() => 0) });
    }
    case 'resizeLinear':
      return interpolated(field, first, tensor);
    case padOperator.name: {
      const { begin } = attributesOf(padOperator, tensor);
      return field.map((axis, at) => moved(axis, -begin[at + 2]!));
    }
    case sliceOperator.name: {
      const { axis, start, step } = attributesOf(sliceOperator, tensor);
      return field.map((one, at) => (at + 2 === axis ? strided(moved(one, start), step) : one));
    }
    case reshapeOperator.name:
      return sameShape(first.shape.slice(2), tensor.shape.slice(2)) && tensor.shape.length > 2
        ? field
        : whole(field, first);
    case concatOperator.name:
      return attributesOf(concatOperator, tensor).axis === 1
        ? joined(tensor, fields)
        : everything(tensor, fields);
    case softmaxOperator.name:
    case logSoftmaxOperator.name:
      return (tensor.attributes as { readonly axis: number }).axis === 1 ? field : everything(tensor, fields);
    default:
      return operator.elementwise ? joined(tensor, fields) : everything(tensor, fields);
  }
}

interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation?: readonly number[];
}

function windows(field: ReceptiveField, { kernel, stride, pads, dilation }: Windows): ReceptiveField {
  return field.map((axis, at) => {
    const reach = (kernel[at]! - 1) * (dilation?.[at] ?? 1) * (axis.stride ?? 0);
    return strided(moved({ ...axis, size: axis.size + reach }, -pads[at]!), stride[at]!);
  });
}

/** Transposed windows: result j comes from the elements i with s i + d u = j + p, of which the field covers all. */
function spread(field: ReceptiveField, { kernel, stride, pads, dilation }: Windows): ReceptiveField {
  return field.map((axis, at) => {
    const reach = (kernel[at]! - 1) * (dilation?.[at] ?? 1);
    const step = (axis.stride ?? 0) / stride[at]!;
    return {
      start: axis.start + (pads[at]! - reach) * step,
      size: axis.size + reach * step,
      stride: axis.stride === null ? null : step,
    };
  });
}

/** Element i lies at (i + 1/2) n / m - 1/2, between two elements that are less than one away. */
function interpolated(field: ReceptiveField, from: Tensor, to: Tensor): ReceptiveField {
  return field.map((axis, at) => {
    const step = axis.stride ?? 0;
    const ratio = from.shape[at + 2]! / to.shape[at + 2]!;
    if (ratio === 1) return axis;
    return {
      start: axis.start + (ratio / 2 - 1.5) * step,
      size: axis.size + 2 * step,
      stride: axis.stride === null ? null : step * ratio,
    };
  });
}

function moved(axis: AxisField, elements: number): AxisField {
  return { ...axis, start: axis.start + elements * (axis.stride ?? 0) };
}

function strided(axis: AxisField, step: number): AxisField {
  return { ...axis, stride: axis.stride === null ? null : axis.stride * step };
}

/** One field for all elements. */
function whole(field: ReceptiveField, { shape }: Tensor): ReceptiveField {
  return field.map(({ start, size, stride }, at) => ({
    start,
    size: size + ((shape[at + 2] ?? 1) - 1) * (stride ?? 0),
    stride: null,
  }));
}

/** The smallest field that covers those of all inputs. */
function joined({ inputs }: Tensor, fields: Fields): ReceptiveField {
  return union(
    inputs.flatMap((source) => {
      const field = fields.get(source);
      return field === undefined ? [] : [field];
    }),
  );
}

function everything({ inputs }: Tensor, fields: Fields): ReceptiveField {
  return union(
    inputs.flatMap((source) => {
      const field = fields.get(source);
      return field === undefined ? [] : [whole(field, source)];
    }),
  );
}

function union(found: readonly ReceptiveField[]): ReceptiveField {
  return found[0]!.map((first, at) => {
    const all = found.map((field) => field[at]!);
    const start = Math.min(...all.map((axis) => axis.start));
    const end = Math.max(...all.map((axis) => axis.start + axis.size));
    const isAlike = all.every((axis) => axis.stride === first.stride);
    return { start, size: end - start, stride: isAlike ? first.stride : null };
  });
}
