/** The process of one trial: trains, reports, and asks after each epoch whether to go on. */
import { trainRun } from '../../../train/train-run.ts';
import type { TrialOptions, TrialReply, TrialRequest } from './messages.ts';

const progressEveryMs = 250;

let decide: ((goOn: boolean) => void) | undefined;

function reply(message: TrialReply): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

async function run(options: TrialOptions): Promise<void> {
  let sentAt = 0;
  try {
    const { steps, bestEpoch, bestStep, validation, planHash, modelHash } = await trainRun(
      {
        ...options,
        goOn: (epoch) =>
          new Promise<boolean>((resolve) => {
            decide = resolve;
            void reply({ kind: 'epoch', epoch });
          }),
      },
      {
        onProgress: ({ stage, done, total }) => {
          const now = performance.now();
          if (now - sentAt < progressEveryMs && done < total) return;
          sentAt = now;
          void reply({ kind: 'progress', stage, done, total });
        },
      },
    );
    await reply({
      kind: 'finished',
      summary: { steps, bestEpoch, bestStep, validation, planHash, modelHash },
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    const fault = {
      code: typeof code === 'string' ? code : 'internal',
      message: error instanceof Error ? error.message : String(error),
    };
    await reply({ kind: 'failed', fault });
  }
  process.disconnect();
}

process.on('message', (message: TrialRequest) => {
  if (message.kind === 'run') void run(message.options);
  else decide?.(message.goOn);
});
// A sweep that ended, or was killed, takes its trials with it; their checkpoints let it go on.
process.on('disconnect', () => {
  process.exit();
});
// Ctrl-C reaches all processes of a terminal: the sweep decides what becomes of its trials.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
