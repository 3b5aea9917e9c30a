import { exitCodes } from '../verb.ts';

export interface Cancellation {
  readonly signal: AbortSignal;
  /** Gives the signals back to Node. */
  dispose(): void;
}

/**
 * Turns Ctrl-C (SIGINT), SIGTERM and SIGHUP into an abort; the second one ends the process at once.
 * After the first, work has ten seconds to clean up.
 */
export function listenForCancellation(onFirst: () => void): Cancellation {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    controller.abort();
    onFirst();
    setTimeout(() => process.exit(exitCodes.cancelled), 10_000).unref();
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose() {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
