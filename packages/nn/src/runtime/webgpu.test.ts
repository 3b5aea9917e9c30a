import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runDiscs, tinyDiscsTask } from '../testing/discs-task.ts';
import { relativeError } from '../testing/numbers.ts';
import { hasSoftwareGpu, softwareGpuEnvironment } from '../testing/software-gpu.ts';
import type { EngineReport } from './backend.ts';

const tools = ['chromium'];
const able = hasSystemTools(tools) && hasSoftwareGpu;

interface Found {
  readonly engine: EngineReport;
  readonly losses: readonly number[];
  readonly probabilities: readonly number[];
  readonly state: Readonly<Record<string, readonly number[]>>;
}

const built = (path: string) => new URL(`../../dist/${path}`, import.meta.url).href;

/** Runs a program in a process of its own: the environment says what GPU there is. What it prints is JSON. */
async function runProgram<T>(program: string, environment: Readonly<Record<string, string>>): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as T;
}

// Eight seconds of processor time, most of it for compiling shaders.
test.skipIf(!able)(
  needs(tools, 'a U-Net trains on WebGPU with the numbers of the CPU'),
  async () => {
    const found = await runProgram<Found>(
      `
    const { runDiscs, tinyDiscsTask: task } = await import('${built('testing/discs-task.js')}');
    const { state, probabilities, ...rest } = await runDiscs({ provider: 'webgpu', task });
    const numbers = Object.entries(state).map(([name, values]) => [name, [...values]]);
    console.log(JSON.stringify({ ...rest, state: Object.fromEntries(numbers), probabilities: [...probabilities] }));`,
      softwareGpuEnvironment,
    );
    expect(found.engine.providers[0]).toBe('webgpu');
    const cpu = await runDiscs({ threads: 1, task: tinyDiscsTask });
    expect(relativeError(found.losses, cpu.losses)).toBeLessThan(2e-6);
    expect(relativeError(found.probabilities, cpu.probabilities)).toBeLessThan(2e-6);
    const all = (state: Readonly<Record<string, ArrayLike<number>>>, vector: string) =>
      Object.entries(state).flatMap(([name, values]) => (name.startsWith(vector) ? Array.from(values) : []));
    for (const vector of ['parameters', 'firstMoment', 'secondMoment', 'statistics', 'averageParameters']) {
      expect(relativeError(all(found.state, vector), all(cpu.state, vector)), vector).toBeLessThan(5e-6);
    }
  },
  400_000,
);

test.skipIf(process.platform !== 'linux')('without a GPU, WebGPU is refused with a typed error', async () => {
  const found = await runProgram(
    `
    const { engineRefusals } = await import('${built('testing/engine-refusals.js')}');
    const found = await engineRefusals(2 ** 23, 'webgpu').catch(({ code, message }) => ({ code, message }));
    console.log(JSON.stringify(found));`,
    { VK_ICD_FILENAMES: '/nowhere' },
  );
  expect(found).toEqual({
    code: 'provider-unavailable',
    message: expect.stringContaining("The execution provider 'webgpu' cannot start here."),
  });
});
