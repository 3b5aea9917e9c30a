import { type Shape, sizeOf } from '../../graph/shape.ts';

/** A change of an array on its way from a file into a network. */
export type Adaptation =
  /** Input channels in reverse order: RGB as BGR. */
  | { readonly kind: 'flip-channels' }
  /** Another number of input channels. */
  | { readonly kind: 'channels'; readonly from: number; readonly to: number }
  /** A linear layer [O, H W C] on a map that was flattened with its channels last, made [O, C H W]. */
  | { readonly kind: 'channels-first'; readonly map: Shape }
  /** The same numbers in the same order under another shape. */
  | { readonly kind: 'reshape'; readonly from: Shape; readonly to: Shape };

/** In words, for reports. */
export function describeAdaptation(adaptation: Adaptation): string {
  switch (adaptation.kind) {
    case 'flip-channels':
      return 'input channels in reverse order (RGB and BGR)';
    case 'channels': {
      const { from, to } = adaptation;
      if (to === 1) return `${from} input channels summed into 1`;
      return `${from} input channels repeated to ${to} and scaled by ${from}/${to}`;
    }
    case 'channels-first':
      return `inputs in the order of a map [${adaptation.map.join(', ')}] put in that of channels first`;
    case 'reshape':
      return `[${adaptation.from.join(', ')}] taken as [${adaptation.to.join(', ')}]`;
  }
}

/** The changed numbers, in a buffer of their own unless only the shape changes. @param shape as they are in `values` */
export function adaptArray(values: Float32Array, shape: Shape, adaptation: Adaptation): Float32Array {
  switch (adaptation.kind) {
    case 'flip-channels':
      return flipChannels(values, shape);
    case 'channels':
      return adaptChannels(values, shape, adaptation.to);
    case 'channels-first':
      return channelsFirst(values, adaptation.map);
    case 'reshape':
      return values;
  }
}

/** Kernels [O, C, ...] with the order of their input channels C reversed; copies. */
export function flipChannels(values: Float32Array, shape: Shape): Float32Array {
  const [outputs, channels, size] = kernelSizes(shape);
  const result = new Float32Array(values.length);
  for (let output = 0; output < outputs; output++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (output * channels + channel) * size;
      result.set(values.subarray(from, from + size), (output * channels + channels - 1 - channel) * size);
    }
  }
  return result;
}

/**
 * Kernels [O, C, ...] for N input channels, as timm makes them; copies.
 * N = 1: w'[o, 0] = sum over c of w[o, c], exact for an image whose channels are all equal.
 * N > 1: w'[o, n] = C/N w[o, n mod C], which keeps the size of the sum for channels that resemble each other.
 */
export function adaptChannels(values: Float32Array, shape: Shape, wanted: number): Float32Array {
  const [outputs, channels, size] = kernelSizes(shape);
  const result = new Float32Array(outputs * wanted * size);
  for (let output = 0; output < outputs; output++) {
    for (let place = 0; place < size; place++) {
      const from = output * channels * size + place;
      const to = output * wanted * size + place;
      if (wanted === 1) {
        let sum = 0;
        for (let channel = 0; channel < channels; channel++) sum += values[from + channel * size]!;
        result[to] = sum;
      } else {
        for (let channel = 0; channel < wanted; channel++) {
          result[to + channel * size] = (values[from + (channel % channels) * size]! * channels) / wanted;
        }
      }
    }
  }
  return result;
}

function channelsFirst(values: Float32Array, [height, width, channels]: Shape): Float32Array {
  const result = new Float32Array(values.length);
  const places = height! * width!;
  const inputs = places * channels!;
  for (let start = 0; start < values.length; start += inputs) {
    for (let place = 0; place < places; place++) {
      for (let channel = 0; channel < channels!; channel++) {
        result[start + channel * places + place] = values[start + place * channels! + channel]!;
      }
    }
  }
  return result;
}

function kernelSizes(shape: Shape): [outputs: number, channels: number, kernel: number] {
  return [shape[0]!, shape[1]!, sizeOf(shape.slice(2))];
}
