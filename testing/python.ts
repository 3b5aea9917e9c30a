import { spawnSync } from 'node:child_process';
import { debianPython } from './system-tools.ts';

/** Runs a script in Debian's Python: `data` is what it reads (a JSON document on stdin), its JSON on stdout the result. */
export function runPython<T>(script: string, data: unknown): T {
  const { status, stdout, stderr } = spawnSync(debianPython, ['-c', script], {
    input: JSON.stringify(data),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`Python ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
