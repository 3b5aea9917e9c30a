import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { NetworkError } from '../../errors/network-error.ts';
import * as write from '../../testing/write-pickle.ts';
import {
  stateDictPickle,
  type TestTensor,
  tensorPickle,
  torchLegacy,
  torchZip,
} from '../../testing/write-torch.ts';
import { zipFile } from '../../testing/write-zip.ts';
import { fileSource, memorySource } from '../byte-source.ts';
import type { OpenWeights } from '../open-weights.ts';
import { readAllArrays } from '../read-all.ts';
import { readSafetensors } from '../safetensors.ts';
import { openPytorch } from './open-pytorch.ts';

const open = (bytes: Uint8Array, key?: string) => openPytorch(memorySource(bytes, 'w.pth'), { key });
const readArrays = async (bytes: Uint8Array, key?: string) =>
  (await readAllArrays(await open(bytes, key))).arrays;
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

const six = floats(1, 2, 3, 4, 5, 6);
/** 2 x 3 in order, its transpose, and the second column, all of one storage. */
const views: Readonly<Record<string, TestTensor>> = {
  rows: { key: '0', length: 6, shape: [2, 3], strides: [3, 1] },
  columns: { key: '0', length: 6, shape: [3, 2], strides: [1, 3] },
  second: { key: '0', length: 6, shape: [2], strides: [3], offset: 1 },
};
const viewed = {
  rows: { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
  columns: { shape: [3, 2], values: Float32Array.of(1, 4, 2, 5, 3, 6) },
  second: { shape: [2], values: Float32Array.of(2, 5) },
};

describe('both forms', () => {
  const object = stateDictPickle(views);
  test.each([
    ['zip, stored', torchZip(object, { 0: six })],
    ['zip, deflated', torchZip(object, { 0: six }, { deflate: true })],
    ['zip64', torchZip(object, { 0: six }, { zip64: true })],
    ['legacy', torchLegacy(object, { 0: six })],
  ])('%s: strides, offsets and shared storages', async (_, bytes) => {
    expect(await readArrays(bytes)).toEqual(viewed);
  });

  test('legacy files with views of storages', async () => {
    const reference = write.tuple(
      write.text('storage'),
      write.global('torch', 'FloatStorage'),
      write.text('0'),
      write.text('cpu'),
      write.integer(6),
      write.tuple(write.text('view'), write.integer(2), write.integer(3)),
    );
    const tensor = write.call(
      write.global('torch._utils', '_rebuild_tensor'),
      Buffer.concat([reference, Buffer.from('Q')]),
      write.integer(1),
      write.tuple(write.integer(2)),
      write.tuple(write.integer(1)),
    );
    const bytes = torchLegacy(write.dict([[write.text('a'), tensor]]), { 0: six });
    expect(await readArrays(bytes)).toEqual({ a: { shape: [2], values: Float32Array.of(4, 5) } });
  });

  test('an OrderedDict of Python 2, which is called with its items', async () => {
    const items = Object.entries(views).map(([name, tensor]) =>
      write.list(write.text(name), tensorPickle(tensor)),
    );
    const object2 = write.call(write.global('collections', 'OrderedDict'), write.list(...items));
    expect(await readArrays(torchLegacy(object2, { 0: six }))).toEqual(viewed);
  });
});

describe('the state dict is found', () => {
  const inner = stateDictPickle(views);
  const other = stateDictPickle({ other: { key: '0', length: 6, shape: [6], strides: [1] } });
  const file = (entries: Record<string, Buffer>) =>
    torchZip(write.dict(Object.entries(entries).map(([name, value]) => [write.text(name), value])), {
      0: six,
    });

  test.each(['state_dict', 'model', 'model_state_dict', 'net'])("under '%s'", async (key) => {
    const bytes = file({ epoch: write.integer(3), [key]: inner, best: tensorPickle(views.second!) });
    const opened = await open(bytes);
    expect(opened.metadata).toEqual({ key });
    expect(opened.leftOut.map(({ name }) => name)).toEqual(['epoch', 'best']);
    expect((await readAllArrays(opened)).arrays).toEqual(viewed);
  });

  test('under a key that is named', async () => {
    const bytes = file({ model: other, ema: inner });
    expect(await readArrays(bytes, 'ema')).toEqual(viewed);
    expect(Object.keys(await readArrays(bytes))).toEqual(['other']);
  });

  test('or its absence is told with what is there', async () => {
    await expect(open(file({ epoch: write.integer(3), optimizer: write.dict([]) }))).rejects.toThrow(
      /no dictionary of tensors under 'state_dict', 'model_state_dict'.*It has: 'epoch', 'optimizer'/,
    );
    await expect(open(file({ model: inner }), 'ema')).rejects.toThrow(/under 'ema'. It has: 'model'/);
    await expect(open(torchZip(tensorPickle(views.rows!), { 0: six }))).rejects.toThrow(
      /a tensor; a dictionary/,
    );
    await expect(open(torchZip(write.list(), {}))).rejects.toThrow(/a list of 0; a dictionary/);
  });

  test('what is no tensor in it is listed', async () => {
    const bytes = file({ a: tensorPickle(views.rows!), step: write.integer(3), nothing: write.none });
    const opened = await open(bytes);
    expect(opened.arrays.map(({ name }) => name)).toEqual(['a']);
    expect(opened.leftOut).toEqual([
      { name: 'step', reason: '3, no tensor' },
      { name: 'nothing', reason: 'None, no tensor' },
    ]);
  });
});

describe('refused', () => {
  const tensor: TestTensor = { key: '0', length: 6, shape: [2, 3], strides: [3, 1] };
  const zip = (lie: Partial<TestTensor>, storages = { 0: six as Uint8Array }) =>
    torchZip(stateDictPickle({ a: { ...tensor, ...lie } }), storages);
  const legacy = (lie: Partial<TestTensor>) =>
    torchLegacy(stateDictPickle({ a: { ...tensor, ...lie } }), { 0: six });
  const asks = (...pieces: Buffer[]) => torchZip(write.dict([[write.text('a'), Buffer.concat(pieces)]]), {});
  const good = stateDictPickle(views);

  test.each<[string, Buffer, string, RegExp]>([
    ['a shape beyond the storage', zip({ shape: [2, 4] }), 'damaged', /\[2, 4\] .* does not fit/],
    ['strides beyond the storage', zip({ strides: [4, 1] }), 'damaged', /does not fit/],
    ['an offset beyond the storage', zip({ offset: 1 }), 'damaged', /at 1 does not fit/],
    ['a negative stride', zip({ strides: [-3, 1] }), 'damaged', /no valid sizes, strides/],
    ['a negative offset', zip({ offset: -1 }), 'damaged', /no valid sizes, strides/],
    ['more sizes than strides', zip({ strides: [1] }), 'damaged', /no valid sizes, strides/],
    [
      'a thousand axes',
      zip({ shape: Array(1000).fill(1), strides: Array(1000).fill(1) }),
      'damaged',
      /no valid/,
    ],
    [
      'sizes beyond counting',
      zip({ shape: Array(9).fill(2 ** 40), strides: Array(9).fill(0) }),
      'damaged',
      /not fit/,
    ],
    [
      'one number repeated to 4 TB',
      zip({ shape: [1e6, 1e6], strides: [0, 0] }),
      'unsupported',
      /would take 4000000000000/,
    ],
    ['a storage that is not there', zip({ key: '1' }), 'damaged', /'archive\/data\/1' in w.pth has no bytes/],
    ['a storage of another folder', zip({ key: '../data.pkl' }), 'damaged', /has no bytes/],
    ['a storage of another size', zip({ length: 7 }), 'damaged', /has 24 bytes; its pickle tells of 7/],
    ['a negative length', zip({ length: -1 }), 'damaged', /refers to a list of 5 outside/],
    [
      'legacy: a storage that is not there',
      legacy({ key: '1' }),
      'damaged',
      /storage '0' that no tensor uses/,
    ],
    [
      'legacy: a storage of another size',
      legacy({ length: 7 }),
      'damaged',
      /6 numbers; its pickle tells of 7/,
    ],
    ['legacy: a storage of 8 PB', legacy({ length: 2 ** 51 }), 'damaged', /tells of 2251799813685248/],
    ['legacy: a storage of another type', legacy({ storage: 'DoubleStorage' }), 'damaged', /cut off/],
    [
      'legacy: bytes after the end',
      Buffer.concat([torchLegacy(good, { 0: six }), Buffer.of(0)]),
      'damaged',
      /1 bytes too many/,
    ],
    [
      'legacy: big-endian',
      torchLegacy(good, { 0: six }, { littleEndian: false }),
      'unsupported',
      /big-endian/,
    ],
    [
      'legacy: another version',
      torchLegacy(good, { 0: six }, { version: 1002 }),
      'unsupported',
      /version 1002/,
    ],
    [
      'zip: big-endian',
      torchZip(good, { 0: six }, { extra: { 'archive/byteorder': Buffer.from('big') } }),
      'unsupported',
      /big-endian/,
    ],
    [
      'a TorchScript program',
      torchZip(good, { 0: six }, { extra: { 'archive/constants.pkl': Buffer.from('.') } }),
      'unsupported',
      /TorchScript/,
    ],
    ['a zip file of something else', zipFile({ 'a.txt': six }), 'damaged', /0 files NAME\/data.pkl/],
    [
      'two pickles',
      zipFile({ 'a/data.pkl': write.pickle(good), 'b/data.pkl': write.pickle(good) }),
      'damaged',
      /2 files NAME\/data.pkl/,
    ],
    ['PyTorch 0.1', Buffer.from(`${'\0'.repeat(257)}ustar${'\0'.repeat(250)}`), 'unsupported', /PyTorch 0.1/],
    ['an empty file', Buffer.alloc(0), 'damaged', /does not begin/],
    ['text', Buffer.from('<!doctype html><html>404'), 'damaged', /does not begin/],
    [
      'the system',
      asks(write.call(write.global('posix', 'system'), write.text('true'))),
      'unsupported',
      /'posix.system'/,
    ],
    ['the system, by another name', asks(write.global('nt', 'system')), 'unsupported', /'nt.system'/],
    [
      'evaluation',
      asks(write.call(write.global('builtins', 'eval'), write.text('1'))),
      'unsupported',
      /'builtins.eval'/,
    ],
    [
      'a network class',
      asks(write.global('torchvision.models.resnet', 'ResNet')),
      'unsupported',
      /'torchvision.models/,
    ],
    [
      'a property of a name on the list',
      asks(write.global('torch', 'Size.__init__')),
      'unsupported',
      /'torch.Size.__init/,
    ],
    [
      'bytes that are loaded in turn',
      asks(write.global('torch.storage', '_load_from_bytes')),
      'unsupported',
      /_load_from/,
    ],
    [
      'complex numbers',
      zip({ storage: 'ComplexFloatStorage' }),
      'unsupported',
      /'torch.ComplexFloatStorage'/,
    ],
    [
      'a module with its source',
      asks(
        write.tuple(write.text('module'), write.none, write.text('m.py'), write.text('code')),
        Buffer.from('Q'),
      ),
      'unsupported',
      /a whole module with its program/,
    ],
    [
      'a call of a storage type',
      asks(write.call(write.global('torch', 'FloatStorage'))),
      'damaged',
      /no function/,
    ],
    [
      'a tensor by a function that makes none',
      asks(
        write.call(
          write.global('torch._tensor', '_rebuild_from_type_v2'),
          write.global('collections', 'OrderedDict'),
          write.none,
          write.tuple(),
          write.none,
        ),
      ),
      'damaged',
      /_rebuild_from_type_v2 with other arguments/,
    ],
    [
      'attributes of a storage type',
      asks(write.global('torch', 'FloatStorage'), write.dict([]), Buffer.from('b')),
      'damaged',
      /sets attributes of a storage type/,
    ],
    [
      'a list made a dictionary again and again',
      asks(
        write.list(),
        Buffer.from('q\x05'),
        write.call(write.global('collections', 'OrderedDict'), Buffer.from('h\x05')),
        write.call(write.global('collections', 'OrderedDict'), Buffer.from('h\x05')),
      ),
      'damaged',
      /OrderedDict with other arguments/,
    ],
  ])('%s', async (_, bytes, code, message) => {
    const result = open(bytes);
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toMatchObject({ name: 'NetworkError', code });
  });

  test('a storage whose checksum is wrong, when it is read', async () => {
    const bytes = torchZip(good, { 0: six });
    bytes[bytes.indexOf(Buffer.from(six)) + 3]! ^= 1;
    await expect(readArrays(bytes)).rejects.toThrow(/the checksum of 'archive\/data\/0' is wrong/);
  });

  test('a file that inflates to more than it says', async () => {
    const zeros = new Uint8Array(100_000);
    const bytes = zipFile(
      { 'a/data.pkl': write.pickle(stateDictPickle({ a: { ...tensor, length: 6 } })), 'a/data/0': zeros },
      { deflate: true },
    );
    // The storage's unpacked size, in the directory, becomes 24.
    const at = bytes.lastIndexOf(Buffer.from('a/data/0')) - 46 + 24;
    bytes.writeUInt32LE(24, at);
    await expect(readArrays(bytes)).rejects.toThrow(/no whole zip file/);
  });

  test('integers that float32 cannot hold, when they are read', async () => {
    const count = { key: '0', length: 1, shape: [], strides: [], storage: 'LongStorage' };
    const bytes = torchZip(stateDictPickle({ 'bn.num_batches_tracked': count }), {
      0: new Uint8Array(BigInt64Array.of(2n ** 24n + 1n).buffer),
    });
    const opened = await open(bytes);
    expect(opened.arrays).toEqual([{ name: 'bn.num_batches_tracked', shape: [], type: 'I64' }]);
    await expect(opened.read('bn.num_batches_tracked')).rejects.toMatchObject({ code: 'value-invalid' });
    await expect(opened.read('fc.weight')).rejects.toThrow(/no tensor 'fc.weight'/);
  });

  test.each([
    ['zip', torchZip(good, { 0: six })],
    ['deflated zip', torchZip(good, { 0: six }, { deflate: true })],
    ['legacy', torchLegacy(good, { 0: six })],
  ])('every truncation of a %s file', async (_, bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      await expect(readArrays(bytes.subarray(0, length))).rejects.toBeInstanceOf(NetworkError);
    }
  });
});

describe('mutations of good files give arrays or a typed error, soon, and never much memory', () => {
  const object = write.dict([
    [write.text('epoch'), write.integer(3)],
    [write.text('state_dict'), stateDictPickle(views)],
  ]);
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    piece: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.constant(Uint8Array.of(255, 255, 255, 127)),
    ),
    kind: fc.constantFrom('overwrite', 'insert', 'remove'),
  });
  const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
  const mutate = (file: Uint8Array, list: readonly { at: number; piece: Uint8Array; kind: string }[]) => {
    let bytes: Buffer = Buffer.from(file);
    for (const { at, piece, kind } of list) {
      const from = Math.floor(at * (bytes.length - 1));
      const to = kind === 'insert' ? from : from + piece.length;
      const middle = kind === 'remove' ? Buffer.alloc(0) : piece;
      bytes = Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
    }
    return bytes;
  };

  test.each<[string, Buffer, (bytes: Buffer) => Buffer, number]>([
    // Checksums refuse nearly all of these, so that few get through.
    ['zip', torchZip(object, { 0: six }), (bytes) => bytes, 0],
    ['deflated zip', torchZip(object, { 0: six }, { deflate: true }), (bytes) => bytes, 0],
    ['zip64', torchZip(object, { 0: six }, { zip64: true }), (bytes) => bytes, 0],
    ['legacy', torchLegacy(object, { 0: six }), (bytes) => bytes, 20],
    [
      'pickle in a zip',
      write.pickle(object),
      (bytes) => zipFile({ 'a/data.pkl': bytes, 'a/data/0': six }),
      20,
    ],
  ])('%s', async (_, good, wrap, expected) => {
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (list) => {
        const bytes = wrap(mutate(good, list));
        try {
          const arrays = await readArrays(bytes);
          const numbers = Object.values(arrays).reduce((sum, { values }) => sum + values.length, 0);
          expect(numbers * 4).toBeLessThanOrEqual(2 ** 24 + bytes.length * 32);
          whole++;
        } catch (error) {
          if (!(error instanceof NetworkError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
    expect(whole).toBeGreaterThanOrEqual(expected);
  });
});

const torchScript = `
import collections, json, sys, zipfile, torch
folder = sys.argv[1]
torch.manual_seed(1)
base = torch.randn(6, 5, 4, 3)
tensors = collections.OrderedDict([
    ('plain', base.clone()),
    ('transposed', base.transpose(0, 2)),
    ('sliced', base[1:5:2, ::2, 1:]),
    ('expanded', torch.randn(3, 1).expand(3, 4)),
    ('channels_last', torch.randn(8, 3, 3, 3).to(memory_format=torch.channels_last)),
    ('half', torch.randn(7).half()),
    ('bfloat16', torch.randn(7).bfloat16()),
    ('double', torch.randn(7).double()),
    ('int64', torch.tensor(12345)),
    ('int32', torch.tensor([-7, 7], dtype=torch.int32)),
    ('int16', torch.tensor([-7, 7], dtype=torch.int16)),
    ('int8', torch.tensor([-7, 7], dtype=torch.int8)),
    ('uint8', torch.tensor([0, 255], dtype=torch.uint8)),
    ('bool', torch.tensor([True, False])),
    ('empty', torch.zeros(0, 3)),
    ('scalar', torch.tensor(2.5)),
    ('parameter', torch.nn.Parameter(torch.randn(2, 3))),
])
tied = torch.randn(4)
tensors['tied1'], tensors['tied2'] = tied, tied
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(2, 2))
optimiser = torch.optim.Adam(model.parameters())
model(torch.randn(2, 3, 6, 4)).sum().backward()
optimiser.step()
import numpy
checkpoint = {
    'epoch': 3, 'best': numpy.float64(0.5), 'loss': torch.tensor(1.0), 'size': torch.Size([1, 2]), 'dtype': torch.float32,
    'device': torch.device('cpu'), 'optimizer': optimiser.state_dict(), 'state_dict': model.state_dict(),
}
for name, object in [('tensors', tensors), ('checkpoint', checkpoint)]:
    expected = {key: [list(value.shape), value.detach().float().contiguous().numpy().tobytes().hex()]
                for key, value in (object if name == 'tensors' else object['state_dict']).items()}
    json.dump(expected, open(f'{folder}/{name}.json', 'w'))
    for protocol in (2, 4):
        for new in (True, False):
            kind = 'zip' if new else 'legacy'
            torch.save(object, f'{folder}/{name}-{kind}-{protocol}.pth', pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    source = zipfile.ZipFile(f'{folder}/{name}-zip-2.pth')
    with zipfile.ZipFile(f'{folder}/{name}-deflated-2.pth', 'w', zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist(): target.writestr(entry, source.read(entry))
torch.save(model, f'{folder}/module.pth')
torch.save(model, f'{folder}/module-legacy.pth', _use_new_zipfile_serialization=False)
torch.jit.script(torch.nn.Linear(2, 2)).save(f'{folder}/script.pth')
torch.save({'a': torch.randn(2, 2).to_sparse()}, f'{folder}/sparse.pth')
torch.save({'a': torch.randn(2, 2, dtype=torch.complex64)}, f'{folder}/complex.pth')
torch.save({'a': torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.qint8)}, f'{folder}/quantised.pth')
`;

const hasTorch = hasSystemTools(['python3-torch']);

describe('files of PyTorch itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-torch-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(() => {
    if (hasTorch)
      execFileSync(debianPython, ['-c', torchScript, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  });
  const openFile = async (name: string): Promise<OpenWeights> =>
    openPytorch(await fileSource(join(folder, name)));

  for (const name of ['tensors', 'checkpoint']) {
    for (const form of ['zip-2', 'zip-4', 'legacy-2', 'legacy-4', 'deflated-2']) {
      test.skipIf(!hasTorch)(
        needs(['python3-torch'], `${name}, ${form}: every tensor bit for bit`),
        async () => {
          const expected: Record<string, [number[], string]> = JSON.parse(
            readFileSync(join(folder, `${name}.json`), 'utf8'),
          );
          const opened = await openFile(`${name}-${form}.pth`);
          const { arrays } = await readAllArrays(opened);
          await opened.close();
          expect(Object.keys(arrays)).toEqual(Object.keys(expected));
          for (const [key, { shape, values }] of Object.entries(arrays)) {
            expect([key, shape, Buffer.from(values.buffer).toString('hex')]).toEqual([
              key,
              ...expected[key]!,
            ]);
          }
        },
      );
    }
  }

  for (const [name, message] of [
    ['module.pth', /asks for 'torch.nn.modules/],
    ['module-legacy.pth', /asks for 'torch.nn.modules|a whole module/],
    ['script.pth', /TorchScript/],
    ['sparse.pth', /asks for 'torch._utils._rebuild_sparse_tensor'/],
    ['complex.pth', /asks for 'torch.ComplexFloatStorage'/],
    ['quantised.pth', /asks for 'torch._utils._rebuild_qtensor'/],
  ] as const) {
    test.skipIf(!hasTorch)(needs(['python3-torch'], `${name} is refused by name`), async () => {
      await expect(openFile(name)).rejects.toThrow(message);
    });
  }
});

test.skipIf(!hasSharedWeights)(
  realWeights('ResNet20 of its legacy .th equals that of safetensors'),
  async () => {
    const opened = await openPytorch(await fileSource(sharedPath('weights', 'resnet20-12fca82f.th')));
    expect(opened.metadata).toEqual({ key: 'state_dict' });
    const { arrays } = await readAllArrays(opened);
    await opened.close();
    const expected = readSafetensors(
      readFileSync(sharedPath('weights', 'resnet20_cifar10.safetensors')),
    ).arrays;
    const named = Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => [name.replace('module.', ''), array]),
    );
    expect(Object.keys(named).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [name, array] of Object.entries(named)) expect([name, array]).toEqual([name, expected[name]]);
  },
);
