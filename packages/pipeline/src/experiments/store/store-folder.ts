import { resolve } from 'node:path';

/** The folder of runs: as given, else `GLISSON_RUNS`, else `runs` in the working directory. Absolute; it need not be there. */
export function storeFolder(
  given?: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return resolve(given ?? (environment.GLISSON_RUNS || 'runs'));
}
