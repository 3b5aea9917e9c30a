import { NetworkError } from '../../errors/network-error.ts';
import { sizeOf } from '../../graph/shape.ts';
import type { ByteSource } from '../byte-source.ts';
import { bytesPerNumber, toFloat32 } from '../number-types.ts';
import type { OpenWeights } from '../open-weights.ts';
import { openHdf5 } from './hdf5-file.ts';
import { kerasArrays, permuteAxes } from './keras-arrays.ts';

/** HDF5 packs well what is all alike, and need not hold what was never written: a limit, as for PyTorch files. */
const mostBytesPerByte = 32;
const freeBytes = 2 ** 24;

/** Whether a file begins as HDF5 does. */
export function isHdf5(beginning: Uint8Array): boolean {
  const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
  return signature.every((byte, i) => beginning[i] === byte);
}

/**
 * Opens a .h5 of Keras: weights, or a whole model. Arrays are named after layers (`block1_conv1.weight`) and have
 * PyTorch's layout: [O, I, H, W] kernels, [O, I] dense weights, norms as weight, bias, running_mean, running_var.
 * The numbers of a dense layer on a flattened map are still in Keras's order of the map, [H, W, C].
 * Reads the whole file into memory. Takes over the source: it is closed with the result, or when this throws.
 * @param patience how long the HDF5 library may take for one answer, in ms
 * @throws NetworkError 'damaged', 'unsupported'
 */
export async function openKeras(
  source: ByteSource,
  { patience }: { patience?: number } = {},
): Promise<OpenWeights> {
  try {
    const file = await openHdf5(source, patience);
    try {
      const { arrays, leftOut } = kerasArrays(file.listing, source.name);
      const bytes = arrays.reduce(
        (sum, { shape, type }) => sum + sizeOf(shape) * Math.max(bytesPerNumber(type), 4),
        0,
      );
      if (!(bytes <= freeBytes + source.size * mostBytesPerByte)) {
        throw new NetworkError(
          'unsupported',
          `The arrays of ${source.name} would take ${bytes} bytes, the file has ${source.size}.`,
        );
      }
      const byName = new Map(arrays.map((array) => [array.name, array]));
      return {
        format: 'keras',
        arrays: arrays.map(({ name, shape, type }) => ({ name, shape, type })),
        metadata: {},
        leftOut,
        read: async (name) => {
          const array = byName.get(name);
          if (array === undefined)
            throw new NetworkError('value-invalid', `${source.name} has no array '${name}'.`);
          const { path, type, fileShape, axes, shape } = array;
          const numbers = await file.read(path);
          if (numbers.length !== sizeOf(fileShape) * bytesPerNumber(type)) {
            throw new NetworkError('damaged', `'${path}' of ${source.name} has ${numbers.length} bytes.`);
          }
          return { shape, values: permuteAxes(toFloat32(numbers, type, name), fileShape, axes) };
        },
        close: async () => {
          await file.close();
          await source.close();
        },
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    await source.close();
    throw error;
  }
}
