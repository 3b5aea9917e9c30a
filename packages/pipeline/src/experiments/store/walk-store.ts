import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRunFolder } from '../record/is-run-folder.ts';

/** A run's folder and by what a change of it is noticed. */
export interface WalkedRun {
  /** Relative to the store, with slashes; empty: the store itself. */
  readonly folder: string;
  /** Names, sizes and times of the files that a record is made of. */
  readonly stamp: string;
  /** The youngest of these times, ms since 1970. */
  readonly changed: number;
}

/** Files that a record is made of. */
const watched = new Set([
  'run.json',
  'plan.json',
  'metrics.jsonl',
  'evaluation.json',
  'model.onnx',
  'sweep.json',
  'ranking.json',
]);
/** Watched in runs of before run.json only: what they say is in that file now. */
const watchedInOld = new Set(['log.jsonl', 'environment.json']);

/** Never looked into. */
const passedOver = new Set(['checkpoints', 'node_modules']);

/**
 * Finds the runs in and below a folder by names, sizes and times; no file is opened. Hidden folders and links are passed
 * over. What cannot be listed is left out, as a folder that vanishes meanwhile is. Blocks: a few dozen microseconds a run.
 */
export function walkStore(store: string): WalkedRun[] {
  const found: WalkedRun[] = [];
  const visit = (folder: string, isInSweep: boolean) => {
    const path = folder === '' ? store : join(store, folder);
    let entries: Dirent[];
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      return;
    }
    const names = entries.map(({ name }) => name);
    const isSweep = names.includes('sweep.json');
    if (isRunFolder(names, isInSweep)) found.push(stampOf(path, folder, entries));
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name.startsWith('.') || passedOver.has(entry.name)) continue;
      visit(folder === '' ? entry.name : `${folder}/${entry.name}`, isSweep);
    }
  };
  visit('', false);
  return found;
}

function stampOf(path: string, folder: string, entries: readonly Dirent[]): WalkedRun {
  const isOld = !entries.some(({ name }) => name === 'run.json');
  const parts: string[] = [];
  let changed = 0;
  for (const { name } of entries) {
    if (name === '.lock') parts.push(name);
    if (!watched.has(name) && !(isOld && watchedInOld.has(name))) continue;
    const info = statSync(`${path}/${name}`, { throwIfNoEntry: false });
    if (info === undefined) continue;
    parts.push(`${name} ${info.size} ${info.mtimeMs}`);
    changed = Math.max(changed, info.mtimeMs);
  }
  return { folder, stamp: parts.sort().join('\n'), changed };
}
