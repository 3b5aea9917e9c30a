import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where what can be made again is kept: `GLISSON_CACHE`, else the system's folder for caches, always with
 * `glisson` at its end unless GLISSON_CACHE names it. Deleting it costs time only.
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (environment.GLISSON_CACHE) return environment.GLISSON_CACHE;
  if (platform === 'win32') {
    return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'glisson', 'cache');
  }
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'glisson');
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'glisson');
}
