import * as write from './write-pickle.ts';
import { type ZipOptions, zipFile } from './write-zip.ts';

/** A tensor for `torchPickle`; the fields may lie. */
export interface TestTensor {
  readonly key: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset?: number;
  /** Numbers of the storage, as the pickle tells. */
  readonly length: number;
  readonly storage?: string;
}

/** The pickle of `torch._utils._rebuild_tensor_v2` on a storage. */
export function tensorPickle({
  key,
  shape,
  strides,
  offset = 0,
  length,
  storage = 'FloatStorage',
}: TestTensor): Buffer {
  const reference = write.tuple(
    write.text('storage'),
    write.global('torch', storage),
    write.text(key),
    write.text('cpu'),
    write.integer(length),
  );
  return write.call(
    write.global('torch._utils', '_rebuild_tensor_v2'),
    Buffer.concat([reference, Buffer.from('Q')]),
    write.integer(offset),
    write.tuple(...shape.map(write.integer)),
    write.tuple(...strides.map(write.integer)),
    Buffer.of(0x89),
    write.call(write.global('collections', 'OrderedDict')),
  );
}

export function stateDictPickle(tensors: Readonly<Record<string, TestTensor>>): Buffer {
  return write.dict(
    Object.entries(tensors).map(([name, tensor]) => [write.text(name), tensorPickle(tensor)]),
  );
}

/** A file as `torch.save` writes it since PyTorch 1.6, from the pickle of its object. */
export function torchZip(
  object: Buffer,
  storages: Readonly<Record<string, Uint8Array>>,
  options: ZipOptions & { readonly extra?: Readonly<Record<string, Uint8Array>> } = {},
): Buffer {
  const files = Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes]);
  return zipFile(
    { 'archive/data.pkl': write.pickle(object), ...Object.fromEntries(files), ...options.extra },
    options,
  );
}

/** The form before PyTorch 1.6; storages are of four bytes a number unless `width` says otherwise. */
export function torchLegacy(
  object: Buffer,
  storages: Readonly<Record<string, Uint8Array>>,
  { littleEndian = true, width = 4, version = 1001 } = {},
): Buffer {
  const magic = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');
  const truth = littleEndian ? write.yes : Buffer.of(0x89);
  const parts = [
    write.pickle(magic),
    write.pickle(write.integer(version)),
    write.pickle(write.dict([[write.text('little_endian'), truth]])),
    write.pickle(object),
    write.pickle(write.list(...Object.keys(storages).map(write.text))),
  ];
  for (const bytes of Object.values(storages)) {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(bytes.length / width));
    parts.push(count, Buffer.from(bytes));
  }
  return Buffer.concat(parts);
}
