import { parentPort } from 'node:worker_threads';
import h5wasm, { type Attribute, Dataset, type File, Group } from 'h5wasm';
import type { Hdf5Dataset, Hdf5Group, Hdf5Listing, Hdf5Reply, Hdf5Request } from './hdf5-messages.ts';

/*
 * Reads one HDF5 file in a thread of its own. The library is C in WebAssembly: a damaged file can leave it broken
 * or busy for ever, and then the thread is ended. The file lies in the library's own file system in memory, so that
 * links of it lead nowhere else.
 */

const path = '/weights.h5';

/** Limits of a tree whose links may form circles. */
const deepest = 32;
const mostObjects = 200_000;

let file: File | undefined;

parentPort!.on('message', async (request: Hdf5Request) => {
  let reply: Hdf5Reply;
  try {
    reply = request.kind === 'open' ? await openFile(request.bytes) : readDataset(request.path);
  } catch (error) {
    reply = { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  parentPort!.postMessage(reply, reply.kind === 'bytes' ? [reply.bytes.buffer] : []);
});

async function openFile(bytes: Uint8Array): Promise<Hdf5Reply> {
  const library = await h5wasm.ready;
  // Its published types lack `canOwn`: the bytes are not copied.
  const options: { flags?: string; canOwn: boolean } = { canOwn: true };
  library.FS.writeFile(path, bytes, options);
  file = new h5wasm.File(path, 'r');
  if (file.file_id <= 0n) throw new Error('it is no whole HDF5 file');
  return { kind: 'listing', listing: list(file) };
}

function list(root: Group): Hdf5Listing {
  const groups: Hdf5Group[] = [];
  const datasets: Hdf5Dataset[] = [];
  const visit = (group: Group, at: string, depth: number): void => {
    groups.push({ path: at, attributes: texts(group.attrs) });
    if (depth > deepest) throw new Error(`its groups are nested more than ${deepest} deep`);
    for (const name of group.keys()) {
      if (groups.length + datasets.length > mostObjects)
        throw new Error(`it has more than ${mostObjects} objects`);
      const below = at === '/' ? `/${name}` : `${at}/${name}`;
      const entity = group.get(name);
      if (entity instanceof Group) visit(entity, below, depth + 1);
      else if (entity instanceof Dataset) datasets.push(describe(entity, below));
    }
  };
  visit(root, '/', 0);
  return { groups, datasets };
}

function texts(attributes: Readonly<Record<string, Attribute>>): Hdf5Group['attributes'] {
  const result: [string, string[]][] = [];
  for (const [name, attribute] of Object.entries(attributes)) {
    // H5T_STRING
    if (attribute.metadata.type !== 3 || attribute.shape === null) continue;
    const value = attribute.metadata.total_size === 0 ? [] : attribute.value;
    const items = Array.isArray(value) ? value : [value];
    if (items.every((item) => typeof item === 'string')) result.push([name, items]);
  }
  return Object.fromEntries(result);
}

function describe(dataset: Dataset, at: string): Hdf5Dataset {
  const { type, size, signed } = dataset.metadata;
  const bits = size * 8;
  let name: string | undefined;
  if (type === 1 && size >= 4) name = `F${bits}`;
  else if (type === 0) name = `${signed ? 'I' : 'U'}${bits}`;
  return { path: at, shape: dataset.shape ?? [0], type: name as Hdf5Dataset['type'] };
}

function readDataset(at: string): Hdf5Reply {
  const dataset = file?.get(at);
  if (!(dataset instanceof Dataset)) throw new Error(`it has no array '${at}'`);
  const value = dataset.value;
  if (typeof value === 'number' || typeof value === 'bigint')
    return { kind: 'bytes', bytes: scalar(value, dataset) };
  if (!ArrayBuffer.isView(value)) throw new Error(`'${at}' holds no numbers`);
  return {
    kind: 'bytes',
    bytes: new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength).slice(),
  };
}

/** The library gives an array without axes as a bare number. */
function scalar(value: number | bigint, dataset: Dataset): Uint8Array<ArrayBuffer> {
  const { type, size } = dataset.metadata;
  if (type !== 1) return new Uint8Array(BigInt64Array.of(BigInt(value)).buffer).slice(0, size);
  return new Uint8Array((size === 8 ? Float64Array : Float32Array).of(Number(value)).buffer);
}
