import { cpus, totalmem } from 'node:os';
import type { Finding } from '@glisson/imaging/volume/scan';
import { diagnoseEngine } from '@glisson/nn/runtime/diagnose-engine';
import { packageVersion } from '../report/package-version.ts';

export type Environment = Readonly<Record<string, string | number>>;

/** What results depend on besides plan and data: the same plan on another machine may differ in the last bits. */
export async function describeEnvironment(threads: number | undefined): Promise<Environment> {
  const engine = await diagnoseEngine();
  return {
    schema: 'glisson.environment/1',
    glisson: packageVersion(),
    node: process.version,
    platform: process.platform,
    architecture: process.arch,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGB: Number((totalmem() / 2 ** 30).toFixed(1)),
    threads: threads ?? 'all cores',
    onnxRuntime: engine.version ?? 'unknown',
    started: new Date().toISOString(),
  };
}

/** What decides about the last bits of a result. */
const decisive = ['node', 'architecture', 'cpu', 'threads', 'onnxRuntime'] as const;

/** Says what a resumed run does otherwise than it began; nothing where all is as it was, or the beginning is unknown. */
export function compareEnvironments(began: Environment, now: Environment): Finding[] {
  // Without a number of its own a run takes all cores.
  const readingOf = (environment: Environment, name: string) =>
    name === 'threads' && environment.threads === 'all cores' ? environment.cores : environment[name];
  const changed = decisive.filter((name) => {
    const before = readingOf(began, name);
    return before !== undefined && before !== readingOf(now, name);
  });
  if (changed.length === 0) return [];
  const changes = changed.map((name) => `${name} ${readingOf(began, name)}, now ${readingOf(now, name)}`);
  return [
    {
      severity: 'warning',
      code: 'environment-changed',
      message:
        `The run began in another environment (${changes.join('; ')}). It goes on from its checkpoint, but its result ` +
        'will not be bit for bit that of an unbroken run.',
    },
  ];
}
