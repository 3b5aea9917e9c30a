import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type ByteSource, fileSource, memorySource } from './byte-source.ts';
import { openSafetensors } from './open-safetensors.ts';
import { writeSafetensors } from './safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'glisson-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const arrays = {
  big: { shape: [1000, 100], values: new Float32Array(100_000).fill(3) },
  small: { shape: [2], values: Float32Array.of(1, 2) },
};
const bytes = writeSafetensors({ arrays, metadata: { made: 'here' } });
const path = join(folder, 'a.safetensors');
writeFileSync(path, bytes);

/** Notes which bytes are read. */
function watched(source: ByteSource): ByteSource & { read_: [number, number][]; closed: number } {
  const watching = {
    ...source,
    read_: [] as [number, number][],
    closed: 0,
    read: (from: number, to: number) => {
      watching.read_.push([from, to]);
      return source.read(from, to);
    },
    close: () => {
      watching.closed++;
      return source.close();
    },
  };
  return watching;
}

test('only the header and the array that is asked for are read', async () => {
  const source = watched(await fileSource(path));
  const file = await openSafetensors(source);
  expect(file.arrays).toEqual([
    { name: 'big', shape: [1000, 100], type: 'F32' },
    { name: 'small', shape: [2], type: 'F32' },
  ]);
  expect(file.metadata).toEqual({ made: 'here' });
  expect(await file.read('small')).toEqual(arrays.small);
  await file.close();
  const headerEnd = bytes.length - 400_008;
  expect(source.read_).toEqual([
    [0, 8],
    [8, headerEnd],
    [bytes.length - 8, bytes.length],
  ]);
  expect(source.closed).toBe(1);
});

test('an array that is not there is named', async () => {
  const file = await openSafetensors(memorySource(bytes, 'w.safetensors'));
  await expect(file.read('fc.weight')).rejects.toThrow("w.safetensors has no array 'fc.weight'");
});

test.each([0, 7, 8, 50, bytes.length - 1])('a file cut to %d bytes is refused, and closed', async (size) => {
  const source = watched(memorySource(bytes.subarray(0, size)));
  await expect(openSafetensors(source)).rejects.toMatchObject({ name: 'NetworkError', code: 'damaged' });
  expect(source.closed).toBe(1);
});

test('a header longer than any header is refused before it is read', async () => {
  const claim = new Uint8Array(8);
  new DataView(claim.buffer).setBigUint64(0, 200_000_000n, true);
  const source: ByteSource = {
    name: 'huge',
    size: 10 ** 12,
    read: async (from, to) => {
      expect([from, to]).toEqual([0, 8]);
      return claim;
    },
    close: async () => {},
  };
  await expect(openSafetensors(source)).rejects.toThrow(/200000000 bytes, more than the 100000000 allowed/);
});

test('a file that becomes shorter after it was opened is an error, not zeros', async () => {
  const doomed = join(folder, 'doomed.safetensors');
  writeFileSync(doomed, bytes);
  const file = await openSafetensors(await fileSource(doomed));
  truncateSync(doomed, 5000);
  await expect(file.read('big')).rejects.toMatchObject({ code: 'damaged' });
  await file.close();
});

test('a file that is not there rejects as the file system does', async () => {
  await expect(fileSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
