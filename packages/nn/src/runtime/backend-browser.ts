import { NetworkError } from '../errors/network-error.ts';
import type { Backend } from './backend.ts';
import { wrapSession } from './onnx-session.ts';

/** What is used of a worker's global scope. */
declare const self: {
  readonly crossOriginIsolated: boolean;
  readonly navigator: { readonly hardwareConcurrency: number };
};

/**
 * ONNX Runtime in WebAssembly.
 * @param runtimeUrl where the module `onnxruntime-web/wasm` lies; absent: a bundler has resolved it
 */
export function browserBackend(runtimeUrl?: string): Backend {
  return {
    open: async (model, { provider, threads: wanted, memoryPattern }) => {
      if (provider !== 'cpu') {
        throw new NetworkError(
          'provider-unavailable',
          `In browsers there is no execution provider '${provider}'. There is: cpu (WebAssembly).`,
        );
      }
      const ort = await loadRuntime(runtimeUrl);
      const threads = self.crossOriginIsolated ? (wanted ?? self.navigator.hardwareConcurrency) : 1;
      ort.env.wasm.numThreads = threads;
      ort.env.logLevel = 'fatal';
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
        executionMode: 'sequential',
        enableMemPattern: memoryPattern,
        logSeverityLevel: 4,
      });
      const report = {
        runtime: `onnxruntime-web ${ort.env.versions.web}`,
        providers: ['wasm'],
        threads,
        notes:
          self.crossOriginIsolated || wanted === 1
            ? []
            : [
                'One thread: the page is not cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp).',
              ],
      };
      return wrapSession(ort, session, report, {
        fillsOutputs: false,
        ownsResults: true,
        profiled: false,
        unread: false,
      });
    },
  };
}

async function loadRuntime(url: string | undefined) {
  // The second form is the one that bundlers see.
  return url === undefined
    ? import('onnxruntime-web/wasm')
    : ((await import(
        /* @vite-ignore */ /* webpackIgnore: true */ url
      )) as typeof import('onnxruntime-web/wasm'));
}
