import type { TaskControl } from '@glisson/imaging/progress/progress';

/** Encoders that run at once: they work on libuv's four threads. */
const workers = 4;

/** Runs `task` for 0 to count - 1, a few at a time, and returns the results in order. Stops when cancelled. */
export async function inParallel<T>(
  count: number,
  control: TaskControl,
  task: (n: number) => Promise<T>,
): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  let failed = false;
  const work = async () => {
    while (next < count && !failed) {
      const n = next++;
      try {
        control.signal?.throwIfAborted();
        results[n] = await task(n);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  // All workers end before this does, so that nothing still writes into a folder that is being removed.
  const ends = await Promise.allSettled(Array.from({ length: Math.min(workers, count) }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}
