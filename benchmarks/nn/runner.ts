import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a side says about itself when it ends. */
export interface RunnerSummary {
  readonly parameters: number;
  /** Peak resident set of its process, MiB. */
  readonly peakMib: number;
  readonly version: string;
}

/** One side of one case in a process of its own, which runs once per line that it is sent. */
export interface Runner {
  /** Milliseconds of one run, as the process measured them. */
  run(): Promise<number>;
  /** Ends the process. */
  close(): Promise<RunnerSummary>;
}

export function openRunner(program: string, args: readonly string[]): Runner {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`${program} ended with exit code ${code}`)));
  });
  failed.catch(() => {});
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: string): Promise<unknown> => {
    child.stdin.write(`${line}\n`);
    const { value, done } = (await Promise.race([lines.next(), failed])) as IteratorResult<string>;
    if (done) return failed;
    return JSON.parse(value);
  };
  return {
    run: async () => ((await ask('run')) as { ms: number }).ms,
    close: async () => (await ask('end')) as RunnerSummary,
  };
}
