// The engine blocks while it runs, so it lives in this worker thread. One session per worker.
import { parentPort, workerData } from 'node:worker_threads';
import { nodeBackend } from './backend-node.ts';
import type { NumberedRequest } from './messages.ts';
import { serveEngine } from './serve-engine.ts';
import { busyFlag, type EngineWorkerData, stopFlag } from './thread-node-flags.ts';

const { flags } = workerData as EngineWorkerData;
const port = parentPort!;
const serve = serveEngine(nodeBackend, (reply, transfer) => port.postMessage(reply, transfer));

async function handle(numbered: NumberedRequest): Promise<void> {
  const closing = numbered.request.kind === 'close';
  // Busy first: an owner who sets the stop flag then either sees a busy engine, or one that drops the request.
  Atomics.store(flags, busyFlag, 1);
  try {
    if (Atomics.load(flags, stopFlag) !== 0 && !closing) return;
    await serve(numbered);
  } finally {
    // With its port closed, nothing keeps this thread alive.
    if (closing) port.close();
    Atomics.store(flags, busyFlag, 0);
    Atomics.notify(flags, busyFlag);
  }
}

let queue = Promise.resolve();
// One request after the other: a run yields to the event loop before it starts.
port.on('message', (request: NumberedRequest) => {
  queue = queue.then(() => handle(request));
});
