import { Worker } from 'node:worker_threads';

/** Starts the thread that reads HDF5. It runs built JavaScript: this module is always loaded from `dist`. */
export function startHdf5Thread(): Worker {
  // The library reports each failure on stderr, too; that is taken and dropped.
  const worker = new Worker(new URL('./hdf5-worker.js', import.meta.url), { execArgv: [], stderr: true });
  worker.stderr.resume();
  return worker;
}
