import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeGreyPng, maskSlice, windowedSlice, writePngStack } from './write-png-stack.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-png-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Bit depth and colour type from the IHDR chunk; the unfiltered scanlines when every filter is 0. */
function parsePng(bytes: Uint8Array) {
  const buffer = Buffer.from(bytes);
  const chunks: Buffer[] = [];
  const names: string[] = [];
  for (let at = 8; at < buffer.length; ) {
    const length = buffer.readUInt32BE(at);
    const name = buffer.toString('latin1', at + 4, at + 8);
    names.push(name);
    if (name === 'IDAT') chunks.push(buffer.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return {
    names,
    width: buffer.readUInt32BE(16),
    height: buffer.readUInt32BE(20),
    bitDepth: buffer[24],
    colourType: buffer[25],
    scanlines: inflateSync(Buffer.concat(chunks)),
  };
}

test('a mask is an 8-bit, one-channel PNG of exactly 0 and 255, in stored order', async () => {
  const voxels = new Uint8Array(3 * 2 * 2).map((_, i) => i % 3);
  const png = await encodeGreyPng(maskSlice(voxels, [3, 2, 2], 1, [2]));
  const parsed = parsePng(png);
  expect(parsed).toMatchObject({ width: 3, height: 2, bitDepth: 8, colourType: 0 });
  expect([...parsed.scanlines]).toEqual([0, 0, 0, 255, 0, 0, 0, 255]);
  expect(parsed.names).not.toContain('tIME');
  expect(await encodeGreyPng(maskSlice(voxels, [3, 2, 2], 1, [2]))).toEqual(png);
});

test('a mask of one colour only stays 8-bit grey', async () => {
  for (const value of [0, 1]) {
    const png = await encodeGreyPng(maskSlice(new Uint8Array(64).fill(value), [8, 8, 1], 0, [1]));
    expect(parsePng(png)).toMatchObject({ bitDepth: 8, colourType: 0 });
    const { data, info } = await sharp(png).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(1);
    expect(new Set(data)).toEqual(new Set([value * 255]));
  }
});

test('16-bit values come back exactly', async () => {
  const pixels = Uint16Array.from({ length: 300 * 5 }, (_, i) => (i * 4111) % 65536);
  const png = await encodeGreyPng({ width: 300, height: 5, pixels });
  expect(parsePng(png)).toMatchObject({ bitDepth: 16, colourType: 0 });
  const { data } = await sharp(png)
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  expect(new Uint16Array(data.buffer, data.byteOffset, data.length / 2)).toEqual(pixels);
});

test('a window maps its ends to black and white and rounds between', () => {
  const voxels = Float32Array.of(-200, -160, 40, 240, 1000, Number.NaN);
  const { pixels } = windowedSlice(voxels, [6, 1, 1], 0, { low: -160, high: 240 });
  expect([...pixels]).toEqual([0, 0, 128, 255, 255, 0]);
});

test('a stack is numbered from 0001.png, whatever its length', async () => {
  const target = join(folder, 'masks');
  const names = await writePngStack(target, 11, (k) => ({
    width: 2,
    height: 1,
    pixels: Uint8Array.of(k, 255),
  }));
  expect(names[0]).toBe('0001.png');
  expect((await readdir(target)).sort()).toEqual(names);
  const { data } = await sharp(await readFile(join(target, '0011.png')))
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([...data]).toEqual([10, 255]);
});

test('a cancelled stack stops between slices', async () => {
  const stop = new AbortController();
  const made: number[] = [];
  const write = writePngStack(
    join(folder, 'cancelled'),
    100,
    (k) => {
      made.push(k);
      if (k === 5) stop.abort(new Error('enough'));
      return { width: 1, height: 1, pixels: new Uint8Array(1) };
    },
    { signal: stop.signal },
  );
  await expect(write).rejects.toThrow('enough');
  expect(made.length).toBeLessThan(12);
});
