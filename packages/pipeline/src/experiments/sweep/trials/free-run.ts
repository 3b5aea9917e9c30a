import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockRun } from '../../../train/run-lock.ts';

const lookEveryMs = 100;
const patienceMs = 60_000;

/**
 * Waits until the process of a trial whose sweep was killed is gone: it ends by itself, but not at once.
 * @throws PipelineError `run-invalid` when it holds its run still
 */
export async function waitUntilFree(lock: string, signal?: AbortSignal): Promise<void> {
  const until = performance.now() + patienceMs;
  while (existsSync(lock)) {
    try {
      const unlock = await lockRun(lock);
      await unlock();
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(lookEveryMs, undefined, { signal });
    }
  }
}
