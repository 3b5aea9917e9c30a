import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { compareDiscs, type PlainDiscsResult, runDiscs, tinyDiscsTask } from '../testing/discs-task.ts';
import { hasSoftwareGpu, softwareGpuEnvironment } from '../testing/software-gpu.ts';

const tools = ['chromium'];
const able = hasSystemTools(tools) && hasSoftwareGpu;

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
    const found = await runProgram<PlainDiscsResult>(
      `
      const { runPlainDiscs, tinyDiscsTask: task } = await import('${built('testing/discs-task.js')}');
      console.log(JSON.stringify(await runPlainDiscs({ provider: 'webgpu', task })));`,
      softwareGpuEnvironment,
    );
    // No node is left to the CPU.
    expect(found.engine.providers).toEqual(['webgpu']);
    const cpu = await runDiscs({ threads: 1, task: tinyDiscsTask });
    const { losses, probabilities, ...state } = compareDiscs(found, cpu);
    expect(losses).toBeLessThan(2e-6);
    expect(probabilities).toBeLessThan(2e-6);
    expect(Object.keys(state)).toContain('averageStatistics');
    for (const [kind, error] of Object.entries(state)) expect(error, kind).toBeLessThan(5e-6);
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
