import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuildOptions, buildDicom, type Elements } from './build-dicom.ts';

/** What a test says of a CT slice; all else has sound values. */
export interface SliceOptions {
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  readonly rows?: number;
  readonly columns?: number;
  /** Row spacing (between rows), then column spacing. */
  readonly pixelSpacing?: readonly number[];
  readonly slope?: number;
  readonly intercept?: number;
  readonly number?: number;
  readonly series?: string;
  /** Stored values, row by row. */
  readonly pixels?: ArrayLike<number>;
  /** Replaces or (`undefined`) removes elements. */
  readonly elements?: Elements;
}

/** Elements of a CT slice of signed 16-bit values. */
export function ctSlice(o: SliceOptions = {}): Elements {
  const rows = o.rows ?? 4;
  const columns = o.columns ?? 5;
  const number = o.number ?? 1;
  const pixels = new Int16Array(rows * columns);
  for (let i = 0; i < pixels.length; i++) pixels[i] = o.pixels?.[i] ?? 100 * number + i;
  return {
    '00080008 CS': 'ORIGINAL\\PRIMARY\\AXIAL',
    '00080016 UI': '1.2.840.10008.5.1.4.1.1.2',
    '00080018 UI': `1.2.3.${o.series ?? 1}.${number}`,
    '00080060 CS': 'CT',
    '00100020 LO': 'TEST',
    '0020000d UI': '1.2.3',
    '0020000e UI': `1.2.3.${o.series ?? 1}`,
    '00200013 IS': String(number),
    '00200032 DS': o.position ?? [-10, -20, 5 * number],
    '00200037 DS': o.orientation ?? [1, 0, 0, 0, 1, 0],
    '00280002 US': 1,
    '00280004 CS': 'MONOCHROME2',
    '00280010 US': rows,
    '00280011 US': columns,
    '00280030 DS': o.pixelSpacing ?? [0.8, 0.7],
    '00280100 US': 16,
    '00280101 US': 16,
    '00280102 US': 15,
    '00280103 US': 1,
    '00281052 DS': String(o.intercept ?? 0),
    '00281053 DS': String(o.slope ?? 1),
    '7fe00010 OW': new Uint8Array(pixels.buffer),
    ...o.elements,
  };
}

/** Writes files into a new temporary folder. */
export function folderOf(
  files: Readonly<Record<string, Elements | Uint8Array | string>>,
  o?: BuildOptions,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-dicom-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const isElements = typeof content !== 'string' && !(content instanceof Uint8Array);
    writeFileSync(path, isElements ? buildDicom(content as Elements, o) : (content as string | Uint8Array));
  }
  return folder;
}

/** A folder of `ctSlice`s, named so that file order is not slice order. */
export function seriesFolder(
  slices: readonly SliceOptions[],
  more: Record<string, Elements | string> = {},
): string {
  const files = slices.map((slice, i) => [
    `f${(i * 7919) % 1009}-${i}`,
    ctSlice({ number: i + 1, ...slice }),
  ]);
  return folderOf({ ...Object.fromEntries(files), ...more });
}
