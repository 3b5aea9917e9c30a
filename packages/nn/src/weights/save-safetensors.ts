import { open } from 'node:fs/promises';
import type { Shape } from '../graph/shape.ts';
import type { NamedArray } from './safetensors.ts';
import { encodeSafetensorsHeader } from './safetensors-header.ts';

/** An array to be written, whose numbers are made when it is its turn. */
export interface DeferredArray {
  readonly name: string;
  readonly shape: Shape;
  values(): Promise<NamedArray['values']>;
}

/** Writes float32 arrays to a safetensors file with one of them in memory at a time. @throws errors of the file system */
export async function saveSafetensors(
  path: string,
  arrays: readonly DeferredArray[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(
      encodeSafetensorsHeader(
        arrays.map(({ name, shape }) => ({ name, shape, type: 'F32' })),
        metadata,
      ),
    );
    for (const array of arrays) {
      const values = await array.values();
      await handle.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
