import { expect, test } from 'vitest';
import type { ByteSource } from './byte-source.ts';
import { memorySource } from './byte-source.ts';
import { openWeightFile } from './open-weight-file.ts';
import { writeSafetensors } from './safetensors.ts';

const arrays = { a: { shape: [2], values: Float32Array.of(1, 2) } };

async function refusal(bytes: Uint8Array, name: string): Promise<string> {
  let closed = 0;
  const memory = memorySource(bytes, name);
  const source: ByteSource = {
    ...memory,
    close: async () => {
      closed++;
    },
  };
  const error = await openWeightFile(source).then(
    () => new Error('none'),
    (thrown: Error) => thrown,
  );
  expect(closed, 'the source is closed').toBeGreaterThan(0);
  expect(error).toMatchObject({ code: 'damaged' });
  return error.message;
}

test('safetensors are known by what is in them, whatever the name', async () => {
  const opened = await openWeightFile(
    memorySource(writeSafetensors({ arrays, metadata: {} }), 'weights.pth'),
  );
  expect(opened.format).toBe('safetensors');
  expect(await opened.read('a')).toEqual(arrays.a);
  await opened.close();
});

test('what is of no known format is told so, and not that it is damaged safetensors', async () => {
  const picture = new TextEncoder().encode('BM, or whatever else it may be');
  expect(await refusal(picture, 'cat.bmp')).toBe(
    'cat.bmp is no weight file of a known format: expected safetensors, PyTorch (.pth, .pt, .th, .bin) or Keras HDF5 (.h5); it begins with the bytes 42 4d 2c 20 6f 72 20 77.',
  );
  expect(await refusal(new Uint8Array(0), 'empty.pth')).toMatch(/it is empty\.$/);
});

test('a file that calls itself safetensors gets the account of that format', async () => {
  expect(await refusal(new Uint8Array(5), 'x.safetensors')).toBe(
    'Not a whole safetensors file: it has 5 bytes.',
  );
});
