import { join } from 'node:path';
import { cacheFolder } from '@glisson/pipeline/preprocess/cache-folder';

/** Where pretrained weights are kept. */
export function weightsFolder(): string {
  return join(cacheFolder(), 'weights');
}

/** `46.8 MB` */
export function megabytes(bytes: number): string {
  return `${Number((bytes / 1e6).toPrecision(3))} MB`;
}
