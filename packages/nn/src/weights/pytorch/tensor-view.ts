import { NetworkError } from '../../errors/network-error.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../../graph/shape.ts';
import { bytesPerNumber, type NumberType } from '../number-types.ts';
import { describeValue } from '../pickle/pickle-machine.ts';
import type { PickleValue } from '../pickle/pickle-values.ts';

/** Numbers beside the pickle, by the key under which they lie there. */
export interface StorageReference {
  readonly kind: 'storage';
  readonly key: string;
  readonly type: NumberType;
  /** How many numbers the whole storage has. */
  readonly length: number;
  /** The part of it that is meant (old files have views of storages): first number, and how many. */
  readonly viewStart: number;
  readonly viewLength: number;
}

/** A tensor as the pickle describes it: a view of a storage. */
export interface TensorView {
  readonly kind: 'tensor';
  readonly storage: StorageReference;
  readonly shape: Shape;
  /** In numbers, per axis; any order, and 0 where an axis repeats. */
  readonly strides: readonly number[];
  /** Numbers of the whole storage that the view spans: first, and one after the last. */
  readonly from: number;
  readonly to: number;
}

const mostAxes = 64;

/**
 * A view that lies in its storage.
 * @throws NetworkError 'damaged' when it does not, or when sizes and strides are none
 */
export function tensorView(
  storage: PickleValue | undefined,
  offset: PickleValue | undefined,
  shape: PickleValue | undefined,
  strides: PickleValue | undefined,
): TensorView {
  if (!isStorage(storage)) {
    throw new NetworkError('damaged', `A tensor of the pickle lies in ${describeValue(storage)}.`);
  }
  if (!isCounts(shape) || !isCounts(strides) || shape.length !== strides.length || !isCounts([offset])) {
    throw new NetworkError('damaged', 'A tensor of the pickle has no valid sizes, strides and offset.');
  }
  const start = offset as number;
  const span =
    sizeOf(shape) === 0 ? 0 : shape.reduce((last, size, axis) => last + (size - 1) * strides[axis]!, 1);
  if (!Number.isSafeInteger(sizeOf(shape)) || !(start + span <= storage.viewLength)) {
    throw new NetworkError(
      'damaged',
      `A tensor ${formatShape(shape)} with strides ${formatShape(strides)} at ${start} does not fit into its storage of ${storage.viewLength} numbers.`,
    );
  }
  const from = storage.viewStart + start;
  return { kind: 'tensor', storage, shape, strides, from, to: from + span };
}

/**
 * The numbers of a view in row-major order.
 * @param span bytes of the storage from the view's `from` to its `to`
 * @returns the span itself if it is in order already, else a copy
 */
export function gatherBytes(span: Uint8Array, view: TensorView): Uint8Array {
  const { shape, strides, storage } = view;
  const count = sizeOf(shape);
  const width = bytesPerNumber(storage.type);
  const inOrder = stridesOf(shape);
  // The stride of an axis of size 1 is never used.
  if (count === 0 || shape.every((size, axis) => size === 1 || strides[axis] === inOrder[axis])) return span;
  const result = new Uint8Array(count * width);
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let target = 0; target < result.length; target += width) {
    for (let byte = 0; byte < width; byte++) result[target + byte] = span[source + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]! * width;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      source -= index[axis]! * strides[axis]! * width;
      index[axis] = 0;
    }
  }
  return result;
}

/** Whether an unpickled value is a storage of PyTorch. */
export function isStorage(value: PickleValue | undefined): value is StorageReference & PickleValue {
  return isKind(value, 'storage');
}

/** Whether an unpickled value is a tensor of PyTorch. */
export function isTensor(value: PickleValue | undefined): value is TensorView & PickleValue {
  return isKind(value, 'tensor');
}

function isKind(value: PickleValue | undefined, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= mostAxes &&
    value.every((item) => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0)
  );
}
