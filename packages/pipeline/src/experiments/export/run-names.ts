import { basename, relative, sep } from 'node:path';

/** Names of runs for the world outside: their folders relative to the store, with `/`; unique, since folders are. */
export function runNames(folders: readonly string[], store: string): string[] {
  return folders.map((folder) => {
    const inside = relative(store, folder).split(sep).join('/');
    // A store can be a run itself.
    return inside === '' ? basename(folder) : inside;
  });
}
