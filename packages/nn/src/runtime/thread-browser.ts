import type { EngineReply } from './messages.ts';
import type { EngineThread, ThreadListener } from './thread.ts';
import { type WorkerStart, workerName } from './worker-start.ts';

/** What is used of the browser's `Worker`: TypeScript's own library for it would rule the whole package. */
declare const Worker: new (
  url: URL,
  options: { readonly type: 'module'; readonly name: string },
) => {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  terminate(): void;
  onmessage: ((event: { readonly data: EngineReply }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
};

/** Starts a Web Worker. */
export function startThread(listener: ThreadListener): EngineThread {
  // Bundlers know this form and bundle the worker.
  const worker = new Worker(new URL('./worker-browser.js', import.meta.url), {
    type: 'module',
    name: workerName,
  });
  const end = (): void => {
    worker.terminate();
    listener.ended();
  };
  worker.onmessage = ({ data }) => listener.reply(data);
  worker.onerror = ({ message }) => {
    listener.failed(new Error(`the engine's worker failed: ${message ?? 'its script could not be loaded'}`));
    end();
  };
  const runtimeUrl = mappedRuntime();
  worker.postMessage({ ...(runtimeUrl !== undefined && { runtimeUrl }) } satisfies WorkerStart);
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    awaits: () => {},
    end,
  };
}

/** Where the page's import map has ONNX Runtime; `undefined` without one, when a bundler has resolved the import. */
function mappedRuntime(): string | undefined {
  try {
    return import.meta.resolve('onnxruntime-web/wasm');
  } catch {
    return undefined;
  }
}
