/// <reference lib="dom" />
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import {
  compareDiscs,
  type DiscsResult,
  discsTask,
  type PlainDiscsResult,
  runDiscs,
} from '../testing/discs-task.ts';

const tools = ['chromium'];
const able = hasSystemTools(tools);
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

let browser: Browser;
let node: DiscsResult;
const servers: ChildProcess[] = [];
const errors: string[] = [];

/** Starts the example's server as a user would. */
async function serve(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(examples, 'browser', 'serve.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout!.setEncoding('utf8').once('data', (line: string) => resolve(line.trim()));
  });
}

async function open(address: string): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('requestfailed', (request) => errors.push(`${request.url()} failed`));
  await page.goto(address);
  return page;
}

/** Evaluates `expression` in the page, which begins with a name that a module of the built package exports. */
function inPage<T>(page: Page, module: string, expression: string): Promise<T> {
  const name = /^\w+/.exec(expression)![0];
  return page.evaluate(`import('/nn/${module}.js').then(({ ${name} }) => ${expression})`);
}

beforeAll(async () => {
  if (!able) return;
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  node = await runDiscs({ threads: 1 });
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.kill();
});

test.skipIf(!able)(needs(tools, 'a page trains, tells its progress, shows a result, and stops'), async () => {
  const page = await open(await serve());
  await page.evaluate(() => {
    const seen: string[] = [];
    const state = document.getElementById('state')!;
    new MutationObserver(() => {
      seen.push(state.textContent!);
      // Its second training is stopped at its second step.
      const steps = seen.filter((text) => text.startsWith('step 2 '));
      if (steps.length === 2) document.getElementById('stop')!.click();
    }).observe(state, { childList: true });
    Object.assign(globalThis, { seen });
  });
  const told = () => page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
  await page.locator('#train').click();
  await page.waitForFunction(() => document.getElementById('state')!.textContent!.startsWith('Loss'));
  const [first, ...rest] = await told();
  expect(first).toBe(`step 1 of 20, loss ${node.losses[0]!.toFixed(4)}`);
  expect(rest).toHaveLength(20);
  const last = node.losses.at(-1)!.toFixed(4);
  expect(rest.at(-1)).toMatch(new RegExp(`→ ${last}\\. onnxruntime-web .*, wasm, 2 threads\\.$`));
  expect(await page.locator('canvas').count()).toBe(2);

  // Stopping ends the Web Worker, and with it the run that it is in.
  await page.locator('#train').click();
  await page.waitForFunction(() => document.getElementById('state')!.textContent!.startsWith('AbortError'));
  expect((await told()).slice(21)).toHaveLength(3);
  // Chromium gives threads that wait for work two seconds.
  await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0);
  expect(errors).toEqual([]);
});

test.skipIf(!able).each([1, 2])(
  needs(tools, 'the same numbers as Node with %i thread(s)'),
  async (threads) => {
    const page = await open(await serve());
    const call = `runPlainDiscs({ threads: ${threads} })`;
    const found = await inPage<PlainDiscsResult>(page, 'testing/discs-task', call);
    expect(found.engine).toEqual({
      runtime: expect.stringMatching(/^onnxruntime-web \d/),
      providers: ['wasm'],
      threads,
      notes: [],
    });
    expect(found.losses).toHaveLength(discsTask.steps);
    expect(Object.keys(found.state)).toEqual(Object.keys(node.state));
    const { losses, probabilities, ...state } = compareDiscs(found, node);
    expect(losses).toBeLessThan(2e-6);
    expect(probabilities).toBeLessThan(2e-6);
    expect(Object.keys(state)).toContain('averageStatistics');
    for (const [kind, error] of Object.entries(state)) expect(error, kind).toBeLessThan(5e-6);
    expect(errors).toEqual([]);
  },
);

test.skipIf(!able)(
  needs(tools, 'a page that is not cross-origin isolated computes with one thread and says so'),
  async () => {
    const page = await open(await serve('--plain'));
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await page.locator('#train').click();
    await page.waitForFunction(() => document.getElementById('state')!.textContent!.startsWith('Loss'));
    expect(await page.locator('#state').textContent()).toMatch(/, 1 thread\. One thread: the page is not/);
    expect(errors).toEqual([]);
  },
);

test.skipIf(!able)(needs(tools, 'typed errors, and the engine works on'), async () => {
  const page = await open(await serve());
  // Sizes beyond 32 bits overflow in WebAssembly.
  const found = await inPage(page, 'testing/engine-refusals', 'engineRefusals(40_000)');
  expect(found).toMatchObject({
    provider: { code: 'provider-unavailable', message: expect.stringContaining('There is: cpu') },
    damaged: { code: 'engine-failed' },
    shape: { code: 'engine-failed' },
    working: [1, 1, 1, 1],
    memory: { code: 'out-of-memory' },
    after: [1, 1, 1, 1],
    closed: { code: 'closed' },
  });
  // The CPU's blocked convolutions are not there: a trainer then writes plain ONNX.
  expect(await inPage(page, 'runtime/probe-blocks', 'probeChannelBlock()')).toBe(1);
  expect(errors).toEqual([]);
});

test.skipIf(!able)(needs(tools, 'a bundle by Vite, without configuration, runs as well'), async () => {
  const { build, preview } = await import('vite');
  const outDir = await mkdtemp(join(tmpdir(), 'glisson-bundle-'));
  const common = { root: join(examples, 'bundled'), configFile: false, logLevel: 'error' } as const;
  await build({ ...common, build: { outDir, emptyOutDir: true } });
  const headers = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  const server = await preview({
    ...common,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, headers },
  });
  try {
    const page = await open(server.resolvedUrls!.local[0]!);
    await page.waitForFunction(() => document.getElementById('state')!.textContent!.startsWith('Loss'));
    expect(await page.locator('#state').textContent()).toBe(
      `Loss ${node.losses.at(-1)!.toFixed(4)} after 20 steps, 2 threads.`,
    );
    expect(errors).toEqual([]);
  } finally {
    await server.close();
    await rm(outDir, { recursive: true, force: true });
  }
});
