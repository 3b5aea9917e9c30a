import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folder of the shared development data: GLISSON_SHARED, else ../shared beside the repository. */
export const sharedFolder = resolve(process.env.GLISSON_SHARED ?? join(root, '..', 'shared'));

/** Whether real scans are there; tests named with `realScan` run only then. */
export const hasSharedData = existsSync(join(sharedFolder, 'data', 'README.md'));

export function sharedPath(...parts: readonly string[]): string {
  return join(sharedFolder, ...parts);
}

/**
 * Names a real-scan test: `test.skipIf(!hasSharedData)(realScan('reads patient 1'), …)`.
 * The reporter counts run and skipped tests by this mark.
 */
export function realScan(name: string): string {
  return `[real scan] ${name}`;
}

/** Whether pretrained weights are there; tests named with `realWeights` run only then. */
export const hasSharedWeights = existsSync(join(sharedFolder, 'weights', 'README.md'));

/** Names a test on real weights, as `realScan` does for scans; the reporter counts these, too. */
export function realWeights(name: string): string {
  return `[real weights] ${name}`;
}
