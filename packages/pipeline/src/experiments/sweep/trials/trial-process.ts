import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { EpochMetrics } from '../../../train/metrics.ts';
import type {
  TrialFault,
  TrialOptions,
  TrialProgress,
  TrialReply,
  TrialRequest,
  TrialSummary,
} from './messages.ts';

export interface TrialListener {
  onProgress(progress: TrialProgress): void;
  /** Whether the trial goes on after this epoch. */
  onEpoch(epoch: EpochMetrics): Promise<boolean>;
}

export type TrialOutcome =
  | { readonly kind: 'finished'; readonly summary: TrialSummary }
  | { readonly kind: 'failed'; readonly fault: TrialFault };

/** Characters of what a dying process said that are kept. */
const lastWords = 2000;

/** Built JavaScript, wherever this module was loaded from: Node 20 runs no TypeScript. */
const program = () =>
  createRequire(import.meta.url).resolve('@glisson/pipeline/experiments/sweep/trials/trial-main');

/**
 * Trains in a process of its own: whatever becomes of it, out of memory included, is an outcome and no error.
 * @throws the signal's reason when cancelled (after the process is gone), and what the listener throws
 */
export async function runTrialProcess(
  options: TrialOptions,
  listener: TrialListener,
  signal?: AbortSignal,
): Promise<TrialOutcome> {
  signal?.throwIfAborted();
  const child = fork(program(), [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const send = (request: TrialRequest) => {
    if (child.connected) child.send(request, () => {});
  };
  let outcome: TrialOutcome | undefined;
  let said = '';
  let broken: unknown;
  // Without its sweep the process ends by itself, at once.
  const leave = () => {
    if (child.connected) child.disconnect();
  };
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-lastWords);
  });
  child.on('message', (reply: TrialReply) => {
    if (reply.kind === 'progress') listener.onProgress(reply);
    else if (reply.kind === 'epoch') {
      listener.onEpoch(reply.epoch).then(
        (goOn) => send({ kind: 'decided', goOn }),
        (error: unknown) => {
          broken = error;
          leave();
        },
      );
    } else outcome = reply;
  });
  // Not the event 'close': Node does not emit it when this side has disconnected.
  const allSaid = new Promise<void>((resolve) => child.stderr!.once('close', () => resolve()));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, by) => {
      const how = by === null ? `exit code ${code}` : `signal ${by}`;
      void allSaid.then(() => resolve(how));
    });
  });
  signal?.addEventListener('abort', leave, { once: true });
  send({ kind: 'run', options });
  const how = await ended;
  signal?.removeEventListener('abort', leave);
  if (broken !== undefined) throw broken;
  if (outcome !== undefined) return outcome;
  signal?.throwIfAborted();
  return { kind: 'failed', fault: { code: 'killed', message: explainEnd(how, said.trim()) } };
}

function explainEnd(how: string, said: string): string {
  const why = how === 'signal SIGKILL' || /heap|memory/i.test(said) ? ' It may have run out of memory.' : '';
  return `The process of the trial ended by itself (${how}).${why}${said === '' ? '' : ` It said: ${said}`}`;
}
