import { NetworkError } from '../../errors/network-error.ts';
import type { ByteSource } from '../byte-source.ts';
import { bytesPerNumber } from '../number-types.ts';
import { unpickle } from '../pickle/pickle-machine.ts';
import type { TorchArchive } from './storages.ts';
import type { StorageReference } from './tensor-view.ts';
import { torchHost } from './torch-globals.ts';
import { readZipEntries } from './zip-entries.ts';

/** Longest pickle that is unpacked; one of 100,000 tensors has about 20 MB. */
const longestPickle = 256 * 2 ** 20;

/**
 * The form since PyTorch 1.6: a zip archive with `NAME/data.pkl`, and a file `NAME/data/KEY` for each storage.
 * @throws NetworkError 'damaged', 'unsupported'
 */
export async function readZipForm(source: ByteSource): Promise<TorchArchive> {
  const zip = await readZipEntries(source);
  const pickles = [...zip.sizes.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw new NetworkError(
      'damaged',
      `${source.name} is a zip file with ${pickles.length} files NAME/data.pkl; torch.save writes one.`,
    );
  }
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  if (zip.sizes.has(`${folder}constants.pkl`)) {
    throw new NetworkError(
      'unsupported',
      `${source.name} is a TorchScript program. Save the state dict alone: torch.save(model.state_dict(), file).`,
    );
  }
  const order = `${folder}byteorder`;
  if (zip.sizes.has(order) && new TextDecoder().decode(await zip.read(order)).trim() !== 'little') {
    throw new NetworkError(
      'unsupported',
      `${source.name} was written on a big-endian machine; that is not read.`,
    );
  }
  if (zip.sizes.get(pickles[0]!)! > longestPickle) {
    throw new NetworkError(
      'unsupported',
      `The pickle of ${source.name} is longer than ${longestPickle} bytes.`,
    );
  }
  const { value: root } = unpickle(await zip.read(pickles[0]!), torchHost());
  const nameOf = ({ key }: StorageReference) => `${folder}data/${key}`;
  /** The last storage, for tensors that share one. */
  let last: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  return {
    root,
    check: (storage) => {
      const name = nameOf(storage);
      const size = zip.sizes.get(name);
      const expected = storage.length * bytesPerNumber(storage.type);
      if (size !== expected) {
        throw new NetworkError(
          'damaged',
          `'${name}' in ${source.name} has ${size ?? 'no'} bytes; its pickle tells of ${storage.length} numbers of type ${storage.type}.`,
        );
      }
    },
    read: async (storage, from, to) => {
      const name = nameOf(storage);
      if (last?.name !== name) last = { name, bytes: await zip.read(name) };
      const width = bytesPerNumber(storage.type);
      return last.bytes.subarray(from * width, to * width);
    },
  };
}
