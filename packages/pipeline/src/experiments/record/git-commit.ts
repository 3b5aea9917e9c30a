import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * The commit that is checked out in the repository around a folder, or null outside of one. The files of Git are read
 * (loose and packed references, linked worktrees): the program need not be there. Changes that are not committed are not
 * seen.
 */
export async function gitCommit(folder: string): Promise<string | null> {
  try {
    const git = await findGitFolder(resolve(folder));
    if (git === undefined) return null;
    const head = (await readFile(join(git, 'HEAD'), 'utf8')).trim();
    const reference = /^ref: (.+)$/.exec(head)?.[1];
    if (reference === undefined) return asCommit(head);
    // References of a linked worktree lie with its repository.
    const common = await readText(join(git, 'commondir'));
    const folders = common === undefined ? [git] : [git, resolve(git, common.trim())];
    for (const place of folders) {
      const loose = await readText(join(place, reference));
      if (loose !== undefined) return asCommit(loose.trim());
    }
    for (const place of folders) {
      const packed = (await readText(join(place, 'packed-refs'))) ?? '';
      const line = packed.split('\n').find((entry) => entry.endsWith(` ${reference}`));
      if (line !== undefined) return asCommit(line.split(' ')[0]!);
    }
    return null;
  } catch {
    return null;
  }
}

async function findGitFolder(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const git = join(at, '.git');
    if ((await readText(join(git, 'HEAD'))) !== undefined) return git;
    const pointer = /^gitdir: (.+)$/m.exec((await readText(git)) ?? '')?.[1];
    if (pointer !== undefined) return resolve(at, pointer.trim());
    if (dirname(at) === at) return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function asCommit(text: string): string | null {
  return /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text) ? text : null;
}
