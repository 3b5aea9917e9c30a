import type { ByteSource } from './byte-source.ts';
import { isHdf5, openKeras } from './keras/open-keras.ts';
import { openSafetensors } from './open-safetensors.ts';
import type { OpenWeights } from './open-weights.ts';
import { isPytorch, openPytorch, type PytorchOptions } from './pytorch/open-pytorch.ts';

/**
 * Opens a weight file of any format that is known, by its first bytes: PyTorch (zip or legacy), Keras HDF5, else
 * safetensors. Takes over the source: it is closed with the result, or when this throws.
 * @throws NetworkError as the format's own opening function does
 */
export async function openWeightFile(source: ByteSource, options: PytorchOptions = {}): Promise<OpenWeights> {
  let beginning: Uint8Array;
  try {
    beginning = await source.read(0, Math.min(512, source.size));
  } catch (error) {
    await source.close();
    throw error;
  }
  if (isPytorch(beginning)) return openPytorch(source, options);
  if (isHdf5(beginning)) return openKeras(source);
  return openSafetensors(source);
}
