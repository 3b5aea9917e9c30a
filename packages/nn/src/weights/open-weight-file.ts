import { NetworkError } from '../errors/network-error.ts';
import { checkOptions, checkValue } from '../options/check-options.ts';
import { optional, text } from '../options/rules.ts';
import { aSource, type ByteSource } from './byte-source.ts';
import { isHdf5, openKeras } from './keras/open-keras.ts';
import { openSafetensors } from './open-safetensors.ts';
import type { OpenWeights } from './open-weights.ts';
import { isPytorch, openPytorch, type PytorchOptions } from './pytorch/open-pytorch.ts';
import { lengthBytes } from './safetensors-header.ts';

const openingBrace = '{'.charCodeAt(0);

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/**
 * Opens a weight file of any format that is known, by its first bytes: PyTorch (zip or legacy), Keras HDF5, or
 * safetensors. Takes over the source: it is closed with the result, or when this throws.
 * @throws NetworkError 'damaged' when it is of none of these formats; as the format's own opening function does
 */
export async function openWeightFile(source: ByteSource, options: PytorchOptions = {}): Promise<OpenWeights> {
  checkValue('openWeightFile: source', source, aSource);
  checkOptions('openWeightFile', options, { key: optional(text) });
  let beginning: Uint8Array;
  try {
    beginning = await source.read(0, Math.min(512, source.size));
  } catch (error) {
    await source.close();
    throw error;
  }
  if (isPytorch(beginning)) return openPytorch(source, options);
  if (isHdf5(beginning)) return openKeras(source);
  // A file that calls itself safetensors gets that format's own account of what is wrong.
  if (beginning[lengthBytes] === openingBrace || source.name.endsWith('.safetensors')) {
    return openSafetensors(source);
  }
  await source.close();
  const found =
    beginning.length === 0 ? 'is empty' : `begins with the bytes ${hex(beginning.subarray(0, 8))}`;
  throw new NetworkError(
    'damaged',
    `${source.name} is no weight file of a known format: expected safetensors, PyTorch (.pth, .pt, .th, .bin) or Keras HDF5 (.h5); it ${found}.`,
  );
}
