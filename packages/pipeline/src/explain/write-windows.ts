import { join } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import sharp from 'sharp';
import { cutWindow } from './cut-window.ts';
import type { WindowsExplanation } from './explain-windows.ts';

/** Names of the files that `writeWindowsFolder` writes. */
export const windowsFiles = /^(windows\.png|windows\.json|patch-\d+(-lesion|-no-lesion)?\.png)$/;

/** What is said about a slice in numbers. */
export function windowsFacts({ slice, options, view, blocks, windows, examples }: WindowsExplanation) {
  const { patch, stride, rows, columns } = options;
  const count = (is: (window: (typeof windows)[number]) => boolean) => windows.filter(is).length;
  const hasLabels = blocks.every(({ lesion }) => lesion !== null);
  return {
    slice,
    blocks: { rows, columns, shares: blocks },
    windows: {
      patch,
      stride,
      columns: Math.ceil(view.width / stride),
      rows: Math.ceil(view.height / stride),
      body: count(({ tissue }) => tissue !== 'outside'),
      liver: hasLabels ? count(({ tissue }) => tissue === 'liver' || tissue === 'lesion') : null,
      lesion: hasLabels ? count(({ label }) => label === 'lesion') : null,
    },
    examples,
  };
}

/** Writes the picture, the facts, and every example patch at its own size into a folder. */
export async function writeWindowsFolder(
  folder: string,
  explained: WindowsExplanation,
  picture: Uint8Array,
): Promise<void> {
  const { grey, padding, view, examples, options } = explained;
  await writeFileWhole(join(folder, 'windows.png'), picture);
  await writeFileWhole(join(folder, 'windows.json'), `${JSON.stringify(windowsFacts(explained), null, 2)}\n`);
  for (const [n, { x, y, label }] of examples.entries()) {
    const pixels = cutWindow(grey, view.width, [x, y], options.patch, padding);
    const raw = { width: options.patch, height: options.patch, channels: 1 } as const;
    const name = `patch-${n + 1}${label === null ? '' : `-${label.replace(' ', '-')}`}.png`;
    await writeFileWhole(
      join(folder, name),
      await sharp(pixels, { raw }).toColourspace('b-w').png().toBuffer(),
    );
  }
}
