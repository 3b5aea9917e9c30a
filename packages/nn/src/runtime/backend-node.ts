import { availableParallelism } from 'node:os';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { NetworkError } from '../errors/network-error.ts';
import type { Backend, SessionOptions } from './backend.ts';
import { wrapSession } from './onnx-session.ts';
import { withUnreadOutput } from './unread-output.ts';

/** ONNX Runtime's native library. */
export const nodeBackend: Backend = {
  open: async (model, options) => {
    const { provider, profile } = options;
    refuseUnknown(provider);
    const threads = options.threads ?? availableParallelism();
    // The output that is not read belongs to the CPU: on another provider, copies are not what counts.
    const unread = options.placed === true && provider === 'cpu';
    const bytes = unread ? withUnreadOutput(model) : model;
    const { session, complete } = await create(bytes, settings(options, threads), provider);
    const report = {
      runtime: `onnxruntime-node ${env.versions.node}`,
      providers: complete ? [provider] : [provider, 'cpu'],
      threads,
      notes: [],
    };
    const traits = { fillsOutputs: true, ownsResults: false, profiled: profile !== undefined, unread };
    return wrapSession({ InferenceSession, Tensor }, session, report, traits);
  },
};

function settings(
  { provider, memoryPattern, profile }: SessionOptions,
  threads: number,
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: memoryPattern,
    // Errors are thrown: no second report on stderr.
    logSeverityLevel: 4,
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
  };
}

const extras = {
  // Tiny numbers in the moments of Adam would slow the CPU down by far more than their worth.
  set_denormal_as_zero: '1',
  // Threads that wait for work burn their core: within a run only, not between runs and beside other sessions.
  force_spinning_stop: '1',
};

/** Nodes that a provider does not know go to the CPU in silence, so the session is first asked for without them. */
async function create(
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
  provider: string,
): Promise<{ session: InferenceSession; complete: boolean }> {
  const open = (session: Record<string, string>) =>
    InferenceSession.create(model, { ...options, extra: { session: { ...extras, ...session } } });
  if (provider === 'cpu') return { session: await open({}), complete: true };
  try {
    return { session: await open({ disable_cpu_ep_fallback: '1' }), complete: true };
  } catch (error) {
    if (!/fallback to CPU EP has been explicitly disabled/.test(String(error))) throw error;
    return { session: await open({}), complete: false };
  }
}

function refuseUnknown(provider: string): void {
  const backends = listSupportedBackends();
  if (backends.some(({ name }) => name === provider)) return;
  const names = (bundled: boolean) =>
    backends
      .filter((backend) => backend.bundled === bundled)
      .map(({ name }) => name)
      .join(', ');
  const more = names(false);
  throw new NetworkError(
    'provider-unavailable',
    `This build of ONNX Runtime has no execution provider '${provider}'. It has: ${names(true)}${more === '' ? '' : `; with further libraries installed: ${more}`}.`,
  );
}
