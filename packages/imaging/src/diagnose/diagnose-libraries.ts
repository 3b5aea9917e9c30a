import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** One library that reads or writes images. */
export interface LibraryDiagnosis {
  readonly name: string;
  readonly purpose: string;
  readonly version?: string;
  /** Why it cannot be used. */
  readonly problem?: string;
}

const libraries = [
  { name: 'sharp', purpose: 'PNG pictures' },
  { name: 'dicom-parser', purpose: 'DICOM tags' },
  { name: 'dcmjs', purpose: 'DICOM writing' },
  { name: '@itk-wasm/image-io', purpose: 'RLE, JPEG, JPEG-LS and JPEG 2000 pixels' },
  { name: 'dcmjs-codecs', purpose: 'HTJ2K pixels' },
] as const;

/** Tries every library of this package that could fail to load on a machine. Never throws. */
export async function diagnoseLibraries(): Promise<LibraryDiagnosis[]> {
  return Promise.all(
    libraries.map(async ({ name, purpose }) => {
      const version = installedVersion(name);
      try {
        await import(name);
        return { name, purpose, version };
      } catch (error) {
        return { name, purpose, version, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** Looks into the nearest node_modules: packages need not export their package.json. */
function installedVersion(name: string): string | undefined {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      const text = readFileSync(join(folder, name, 'package.json'), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not here: look one folder further up.
    }
  }
  return undefined;
}
