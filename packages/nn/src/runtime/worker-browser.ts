// The engine blocks while it runs, so it lives in this Web Worker. One session per worker.
import { browserBackend } from './backend-browser.ts';
import type { NumberedRequest } from './messages.ts';
import { serveEngine } from './serve-engine.ts';
import { type WorkerStart, workerName } from './worker-start.ts';

/** What is used of a worker's global scope. */
declare const self: {
  readonly name: string;
  postMessage(message: unknown, options?: { readonly transfer: readonly ArrayBuffer[] }): void;
  onmessage: ((event: { readonly data: WorkerStart | NumberedRequest }) => void) | null;
};

let serve: ReturnType<typeof serveEngine> | undefined;
let queue = Promise.resolve();

async function handle(message: WorkerStart | NumberedRequest): Promise<void> {
  if (!('id' in message)) {
    serve = serveEngine(browserBackend(message.runtimeUrl), (reply, transfer) =>
      self.postMessage(reply, { transfer }),
    );
    return;
  }
  await serve!(message);
}

if (self.name === workerName) {
  // One request after the other: loading and running yield to the event loop.
  self.onmessage = ({ data }) => {
    queue = queue.then(() => handle(data));
  };
} else {
  // Where a bundler has put ONNX Runtime into this file, ONNX Runtime starts it again for each of its threads.
  void import('onnxruntime-web/wasm');
}
