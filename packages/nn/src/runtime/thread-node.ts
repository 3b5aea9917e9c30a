import { Worker } from 'node:worker_threads';
import type { EngineReply, NumberedRequest } from './messages.ts';
import type { EngineThread, ThreadListener } from './thread.ts';
import { busyFlag, type EngineWorkerData, stopFlag } from './thread-node-flags.ts';

/** How long an exiting process waits for a run to end, in ms. */
const longestRun = 60_000;

/** Starts a worker thread of Node. It runs built JavaScript: this module is always loaded from `dist`. */
export function startThread(listener: ThreadListener): EngineThread {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('./worker-node.js', import.meta.url), {
    workerData: { flags } satisfies EngineWorkerData,
    // The caller's flags (--eval, loaders) are not for this thread.
    execArgv: [],
  });
  const waitAtExit = (): void => {
    Atomics.store(flags, stopFlag, 1);
    Atomics.wait(flags, busyFlag, 1, longestRun);
  };
  // Node ends threads when the process exits, and that would abort the process within a run: see `end`.
  process.once('exit', waitAtExit);
  worker.on('message', (reply: EngineReply) => listener.reply(reply));
  worker.on('error', (cause) => listener.failed(cause));
  worker.once('exit', () => {
    process.off('exit', waitAtExit);
    listener.ended();
  });
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    awaits: (waiting) => (waiting ? worker.ref() : worker.unref()),
    end: () => {
      // Not worker.terminate(): ONNX Runtime's binding brings the whole process down when its thread is ended
      // within a run. The thread drops what is queued and ends after the run it is in.
      Atomics.store(flags, stopFlag, 1);
      worker.ref();
      worker.postMessage({ id: -1, request: { kind: 'close' } } satisfies NumberedRequest);
    },
  };
}
