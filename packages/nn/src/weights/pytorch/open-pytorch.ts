import { NetworkError } from '../../errors/network-error.ts';
import { sizeOf } from '../../graph/shape.ts';
import type { ByteSource } from '../byte-source.ts';
import { toFloat32 } from '../number-types.ts';
import type { OpenWeights } from '../open-weights.ts';
import { isLegacyForm, readLegacyForm } from './legacy-form.ts';
import { findStateDict, type StateDict } from './state-dict.ts';
import type { TorchArchive } from './storages.ts';
import { gatherBytes } from './tensor-view.ts';
import { readZipForm } from './zip-form.ts';

export interface PytorchOptions {
  /** Where the state dict is in the checkpoint (default: the file itself, or one of the usual keys). */
  readonly key?: string;
}

/**
 * Tensors may share and repeat numbers, so that a small file could ask for any amount of memory. Together they may
 * have this many times the bytes of the file, as float32.
 */
const mostBytesPerByte = 32;
const freeBytes = 2 ** 24;

/** Whether a file begins as one of `torch.save` in either form. */
export function isPytorch(beginning: Uint8Array): boolean {
  return isZip(beginning) || isLegacyForm(beginning);
}

/**
 * Opens what `torch.save` wrote: a state dict, or a checkpoint with one in it. Its pickle is read by a small machine
 * that runs nothing and knows only the names that tensors need. Tensors may be of any strides and share storages.
 * Takes over the source: it is closed with the result, or when this throws.
 * @throws NetworkError 'unsupported' when the file asks for something else (the message names it) or was written on a
 * big-endian machine; 'damaged'
 */
export async function openPytorch(source: ByteSource, options: PytorchOptions = {}): Promise<OpenWeights> {
  try {
    const archive = await readArchive(source);
    const dict = findStateDict(archive.root, options.key);
    checkTensors(dict, archive, source);
    return {
      format: 'pytorch',
      arrays: [...dict.tensors].map(([name, { shape, storage }]) => ({ name, shape, type: storage.type })),
      metadata: dict.key === '' ? {} : { key: dict.key },
      leftOut: dict.leftOut,
      read: async (name) => {
        const view = dict.tensors.get(name);
        if (view === undefined)
          throw new NetworkError('value-invalid', `${source.name} has no tensor '${name}'.`);
        const span = await archive.read(view.storage, view.from, view.to);
        return { shape: view.shape, values: toFloat32(gatherBytes(span, view), view.storage.type, name) };
      },
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readArchive(source: ByteSource): Promise<TorchArchive> {
  const beginning = await source.read(0, Math.min(512, source.size));
  if (isZip(beginning)) return readZipForm(source);
  if (isLegacyForm(beginning)) return readLegacyForm(source);
  if (new TextDecoder('latin1').decode(beginning.subarray(257, 262)) === 'ustar') {
    throw new NetworkError(
      'unsupported',
      `${source.name} is of PyTorch 0.1 (a tar archive). Load it with PyTorch and save it again.`,
    );
  }
  throw new NetworkError('damaged', `${source.name} does not begin as a file of torch.save does.`);
}

function isZip(beginning: Uint8Array): boolean {
  return beginning[0] === 0x50 && beginning[1] === 0x4b && beginning[2] === 3 && beginning[3] === 4;
}

function checkTensors({ tensors }: StateDict, archive: TorchArchive, source: ByteSource): void {
  let bytes = 0;
  for (const view of tensors.values()) {
    archive.check(view.storage);
    bytes += sizeOf(view.shape) * 4;
  }
  if (bytes > freeBytes + source.size * mostBytesPerByte) {
    throw new NetworkError(
      'unsupported',
      `The tensors of ${source.name} would take ${bytes} bytes, the file has ${source.size}.`,
    );
  }
}
