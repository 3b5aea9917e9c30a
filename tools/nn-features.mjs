// node tools/nn-features.mjs [--check]: runs the graph of every operator's test (value and derivative) on every platform
// and writes packages/nn/FEATURES.md; with --check it fails when the page says something else.
// Needs Debian's chromium: the browser, and its software GPU for WebGPU.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setup } from '../scripts/setup.mjs';

setup();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nn = (path) => import(`../packages/nn/dist/${path}.js`);
const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, webgpu: { type: 'string' } },
});

/** Largest relative error that counts as the same numbers. */
const limit = 5e-6;

const readCases = (folder) =>
  readdirSync(folder)
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));

async function runAll(cases, provider) {
  const { runCase } = await nn('testing/run-case');
  const results = [];
  for (const each of cases) results.push(await runCase(each, provider));
  return results;
}

// In a process of its own: the environment says where the software GPU is.
if (options.webgpu !== undefined) {
  console.log(JSON.stringify(await runAll(readCases(options.webgpu), 'webgpu')));
  process.exit(0);
}

/** Runs the operators' tests, which leave their graphs in `folder`; says which derivatives agree with differences. */
function recordCases(folder) {
  const report = join(folder, '..', 'report.json');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    'run',
    'packages/nn/src/operators',
    'packages/nn/src/losses',
    '--reporter=json',
    `--outputFile=${report}`,
  ];
  spawnSync(process.execPath, [vitest, ...args], {
    cwd: root,
    env: { ...process.env, GLISSON_OPERATOR_CASES: folder },
    stdio: 'ignore',
  });
  const tests = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((file) => file.assertionResults);
  const differences = tests.filter(
    ({ title }) => title === 'the derivative agrees with finite differences in float64',
  );
  return new Map(
    differences.map(({ ancestorTitles, status }) => [
      ancestorTitles.join(' > ').replaceAll("'", ''),
      status === 'passed',
    ]),
  );
}

async function runWebGpu(folder) {
  const { softwareGpuEnvironment } = await nn('testing/software-gpu');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), '--webgpu', folder],
    {
      env: { ...process.env, ...softwareGpuEnvironment },
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

async function runBrowser(cases) {
  const { chromium } = await import('playwright-core');
  const script = join(root, 'packages', 'nn', 'examples', 'browser', 'serve.mjs');
  const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox'],
  });
  try {
    const address = await new Promise((resolve) =>
      server.stdout.once('data', (line) => resolve(String(line).trim())),
    );
    const page = await browser.newPage();
    await page.goto(address);
    const results = [];
    for (const each of cases) {
      results.push(
        await page.evaluate(async (recorded) => {
          const { runCase } = await import('/nn/testing/run-case.js');
          return runCase(recorded);
        }, each),
      );
    }
    return results;
  } finally {
    await browser.close();
    server.kill();
  }
}

/** The operator of a case: the name that the case begins with, when a module of `operators` has it, else its family. */
function operatorNames() {
  const folder = join(root, 'packages', 'nn', 'src', 'operators');
  const text = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  return new Set([...text.matchAll(/^export (?:function|const) (\w+)/gm)].map((match) => match[1]));
}

/** "yes", or what is not: cases by name, in footnotes. */
function summary(cases, provider, notes) {
  const results = cases.map((each) => ({ name: each.name, ...each[provider] }));
  const failed = results.filter(({ error }) => !(error < limit));
  const partly = results.filter(({ error, providers }) => error < limit && providers.length > 1);
  const note = (text) => {
    const index = notes.indexOf(text);
    return index >= 0 ? index + 1 : notes.push(text);
  };
  const marks = [
    ...failed.map(({ name, problem, error }) =>
      note(
        `\`${name}\`: ${problem === undefined ? `wrong by ${error.toExponential(1)}` : `refused: ${problem.split('\n')[0]}`}`,
      ),
    ),
    ...(partly.length > 0
      ? [note('Correct, but some of the nodes run on the CPU: WebGPU has not all of them.')]
      : []),
  ];
  const word =
    failed.length === results.length
      ? 'no'
      : failed.length > 0
        ? `${results.length - failed.length} of ${results.length}`
        : partly.length > 0
          ? 'partly CPU'
          : 'yes';
  return `${word}${marks.map((mark) => ` [${mark}]`).join('')}`;
}

const temporary = mkdtempSync(join(tmpdir(), 'glisson-features-'));
try {
  const folder = join(temporary, 'cases');
  console.error('features: the operators’ tests …');
  const differences = recordCases(folder);
  const recorded = readCases(folder);
  console.error(`features: ${recorded.length} graphs on the CPU …`);
  const cpu = await runAll(recorded, 'cpu');
  console.error('features: WebGPU …');
  const webgpu = await runWebGpu(folder);
  console.error('features: WebAssembly in Chromium …');
  const wasm = await runBrowser(recorded);
  const known = operatorNames();
  const groups = new Map();
  for (const [i, { family, name }] of recorded.entries()) {
    const first = /^\w+/.exec(name)?.[0] ?? '';
    const key = known.has(first) ? `\`${first}\`` : `${family}, others`;
    const entry = {
      name,
      cpu: cpu[i],
      webgpu: webgpu[i],
      wasm: wasm[i],
      gradient: differences.get(name) === true,
    };
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  const notes = [];
  const rows = [...groups].map(([operator, cases]) => {
    const columns = ['cpu', 'webgpu', 'wasm'].map((provider) => summary(cases, provider, notes));
    const checked = cases.every(({ gradient }) => gradient) ? 'yes' : 'no';
    return `| ${operator} | ${columns.join(' | ')} | ${checked} |`;
  });
  const page = [
    '# What runs where',
    '',
    '<!-- Written by `node tools/nn-features.mjs` -->',
    '',
    `Every line is a run, not a promise: \`node tools/nn-features.mjs\` takes the graphs of the operators' tests (value and derivative with respect to every input), runs them on each platform and compares with float64. "yes": all of its graphs within ${limit.toExponential(0)} (relative, Euclidean norms over whole arrays). "gradient checked": the float64 derivative of every case agrees with finite differences to 1e-7.`,
    '',
    "CPU: `onnxruntime-node`, standard ONNX. WebGPU: the same package, the portable form of the graphs, on a software GPU (SwiftShader): correctness only, no speed was measured, no real GPU was tried. WASM: `onnxruntime-web` in Chromium. The CPU's blocked convolutions have tests of their own (`onnx/channel-blocks.test.ts`). `convolutionTranspose` counts as `convolution`. Comparisons, logic and casts have no derivative; their values are tested on the CPU.",
    '',
    '| operator | CPU | WebGPU | WASM | gradient checked |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...notes.map((text, i) => `[${i + 1}] ${text}\n`),
    'Providers that are passed through by name and were never run: `cuda`, `tensorrt`, `dml`, `coreml`, and whatever else a build of ONNX Runtime has.',
    '',
  ].join('\n');
  const file = join(root, 'packages', 'nn', 'FEATURES.md');
  if (!options.check) writeFileSync(file, page);
  else if (readFileSync(file, 'utf8') !== page) {
    console.error('packages/nn/FEATURES.md is out of date: run node tools/nn-features.mjs');
    process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
