import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './bench-report.ts';

/** What one finished command used. */
export interface CommandResult {
  readonly stdout: string;
  readonly seconds: number;
  /** Peak resident set of the process, MiB; null where /proc is missing. */
  readonly peakMib: number | null;
}

/** Runs a program; its stderr is shown. Rejects when it fails. */
export async function runCommand(program: string, args: readonly string[]): Promise<CommandResult> {
  const start = performance.now();
  const child = spawn(program, args, { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}`);
  return { stdout, seconds: (performance.now() - start) / 1000, peakMib: null };
}

/** Runs `glisson ARGS --json` as a user would and returns the parsed document with time and memory. */
export async function runGlisson(args: readonly string[]): Promise<CommandResult & { json: unknown }> {
  const script = join(repositoryRoot, 'packages', 'cli', 'bin', 'glisson.js');
  // The process reports its own peak at its end: the kernel's figure, not samples.
  const result = await runCommand(process.execPath, [
    '--import',
    join(repositoryRoot, 'benchmarks', 'common', 'report-peak.mjs'),
    script,
    ...args,
    '--json',
  ]);
  const lines = result.stdout.trimEnd().split('\n');
  const peakLine = lines.at(-1)!.startsWith('peak-mib ') ? lines.pop()! : null;
  return {
    ...result,
    peakMib: peakLine ? Number(peakLine.slice('peak-mib '.length)) : null,
    json: JSON.parse(lines.join('\n')),
  };
}
