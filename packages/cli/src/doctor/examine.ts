import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { arch, availableParallelism, cpus, freemem, release, tmpdir, totalmem, type } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diagnoseLibraries, type LibraryDiagnosis } from '@glisson/imaging/diagnose/diagnose-libraries';
import { diagnoseEngine, type EngineDiagnosis } from '@glisson/nn/runtime/diagnose-engine';
import { cacheFolder } from '@glisson/pipeline/preprocess/cache-folder';
import { researchUseOnly } from '../program.ts';
import { readVersion } from '../version.ts';

export interface Problem {
  readonly message: string;
  readonly advice: string;
}

/** Everything `glisson doctor` finds out: what a bug report needs. */
export interface Examination {
  readonly schema: 'glisson.doctor/1';
  readonly problems: readonly Problem[];
  readonly glisson: string;
  readonly node: string;
  readonly system: { readonly type: string; readonly release: string; readonly arch: string };
  readonly cpu: { readonly model: string; readonly cores: number; readonly threads: number };
  readonly memoryGb: { readonly total: number; readonly free: number };
  readonly engine: EngineDiagnosis;
  readonly libraries: readonly LibraryDiagnosis[];
  readonly temporaryFolder: { readonly path: string; readonly writable: boolean; readonly freeGb?: number };
  /** Where prepared training scans are kept; GLISSON_CACHE moves it. */
  readonly cacheFolder: { readonly path: string; readonly present: boolean };
  /** Scans for the developers' own tests; nobody else needs them. */
  readonly sharedData: { readonly path: string; readonly present: boolean };
}

/** Looks at the machine and the installation. @param threads what `--threads` says; default all cores */
export async function examine(threads?: number): Promise<Examination> {
  const cache = cacheFolder();
  const engine = await diagnoseEngine();
  const libraries = await diagnoseLibraries();
  const cores = availableParallelism();
  const facts: Omit<Examination, 'problems'> = {
    schema: 'glisson.doctor/1',
    glisson: readVersion(),
    node: process.version,
    system: { type: type(), release: release(), arch: arch() },
    cpu: { model: cpus()[0]?.model.trim() ?? 'unknown', cores, threads: threads ?? cores },
    memoryGb: { total: gigabytes(totalmem()), free: gigabytes(freemem()) },
    engine,
    libraries,
    temporaryFolder: await examineTemporaryFolder(),
    cacheFolder: { path: cache, present: existsSync(cache) },
    sharedData: examineSharedData(),
  };
  return { ...facts, problems: findProblems(facts) };
}

function findProblems(facts: Omit<Examination, 'problems'>): Problem[] {
  const problems: Problem[] = [];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    problems.push({ message: `Node ${process.version} is too old.`, advice: 'Install Node 20.20 or newer.' });
  }
  if (facts.engine.problem !== undefined) {
    problems.push({
      message: `ONNX Runtime does not work: ${facts.engine.problem}`,
      advice:
        'Binaries exist for Linux and Windows (x64, arm64) and macOS (arm64). Reinstall with `npm ci` on such a machine.',
    });
  }
  for (const { name, purpose, problem } of facts.libraries) {
    if (problem === undefined) continue;
    problems.push({
      message: `${name} (${purpose}) does not load: ${problem}`,
      advice: 'Reinstall with `npm ci`.',
    });
  }
  if (!facts.temporaryFolder.writable) {
    problems.push({
      message: `The temporary folder ${facts.temporaryFolder.path} cannot be written.`,
      advice: 'Set TMPDIR to a folder that can.',
    });
  }
  if (facts.memoryGb.total < 3.5) {
    problems.push({
      message: `This machine has ${facts.memoryGb.total} GB of memory.`,
      advice: 'Segmenting a scan takes up to 2 GB, training more: close other programs, or use small scans.',
    });
  }
  return problems;
}

async function examineTemporaryFolder(): Promise<Examination['temporaryFolder']> {
  const path = tmpdir();
  try {
    const probe = await mkdtemp(join(path, 'glisson-doctor-'));
    await rm(probe, { recursive: true });
    const { bavail, bsize } = await statfs(path);
    return { path, writable: true, freeGb: gigabytes(bavail * bsize) };
  } catch {
    return { path, writable: false };
  }
}

function examineSharedData(): Examination['sharedData'] {
  const packageFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const path = resolve(process.env.GLISSON_SHARED ?? join(packageFolder, '..', '..', '..', 'shared'));
  return { path, present: existsSync(join(path, 'data', 'README.md')) };
}

function gigabytes(bytes: number): number {
  return Math.round(bytes / 1e8) / 10;
}

/** The examination for a person: problems first. */
export function renderExamination(found: Examination): string {
  const lines: string[] = [];
  if (found.problems.length === 0) lines.push('No problems found.');
  for (const { message, advice } of found.problems) lines.push(`PROBLEM  ${message}`, `         ${advice}`);
  const row = (name: string, value: string) => lines.push(`${name.padEnd(17)}${value}`);
  lines.push('');
  row('glisson', found.glisson);
  row('node', found.node);
  row('system', `${found.system.type} ${found.system.release} ${found.system.arch}`);
  row('cpu', `${found.cpu.model}, ${found.cpu.cores} cores, ${found.cpu.threads} threads used`);
  row('memory', `${found.memoryGb.total} GB, ${found.memoryGb.free} GB free`);
  row(
    'engine',
    `ONNX Runtime ${found.engine.version ?? '(not loaded)'}; providers ${found.engine.providers.join(', ') || 'none'}`,
  );
  for (const { name, purpose, version, problem } of found.libraries) {
    row('library', `${name} ${version ?? '?'}: ${purpose}${problem === undefined ? '' : ' (does not load)'}`);
  }
  const { path, freeGb } = found.temporaryFolder;
  row('temporary files', freeGb === undefined ? path : `${path}, ${freeGb} GB free`);
  const isThere = (present: boolean) => (present ? '(there)' : '(not there)');
  row('cache', `${found.cacheFolder.path} ${isThere(found.cacheFolder.present)}`);
  row('shared data', `${found.sharedData.path} ${isThere(found.sharedData.present)}`);
  lines.push('', researchUseOnly);
  return lines.join('\n');
}
