// npm run bench:nn [-- --json --python PATH --runs 7 --threads 2 --only TEXT]
// Training steps and inference beside PyTorch (eager, oneDNN, the better of contiguous and channels_last): each side in
// a process of its own that lives as long as its case, one run each in turn, medians. Peak memory is that of the whole
// process after its runs. Ratios are PyTorch / ours for time (higher is better) and ours / PyTorch for memory.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type BenchCase,
  benchCase,
  makeReport,
  median,
  printReport,
  repositoryRoot,
} from './common/bench-report.ts';
import { openRunner, type Runner, type RunnerSummary } from './nn/runner.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
    runs: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
});

/** Names as both sides know them, and the least ratio of times that is asked for (null: reported only). */
const timeTargets: readonly (readonly [name: string, ratio: number | null])[] = [
  ['unet-2d training', 1],
  ['unet-3d training', 0.95],
  ['vgg16 training', 0.8],
  ['vgg16 training, ten convolutions frozen', 1],
  ['vgg16 training, 4096-wide head', null],
  ['resnet18-unet training', 0.95],
  ['unet-2d inference, 256 px', 1.4],
  ['unet-2d inference, 512 px', 1.4],
  ['vgg16 inference, 1 image', 1.3],
  ['vgg16 inference, 8 images', 1.3],
  ['resnet50 inference, 1 image', 1.2],
  ['resnet50 inference, 8 images', 1.2],
  ['densenet121 inference, 1 image', 1.2],
  ['densenet121 inference, 8 images', 1.2],
];
const memoryTarget = 1.3;
const warmups = 2;

const oursScript = join(repositoryRoot, 'benchmarks', 'dist', 'nn', 'run-ours.js');
const torchScript = join(repositoryRoot, 'benchmarks', 'nn', 'run_torch.py');

interface Side {
  readonly runner: Runner;
  readonly times: number[];
}

interface Finished extends RunnerSummary {
  readonly ms: number;
}

async function finish({ runner, times }: Side): Promise<Finished> {
  return { ...(await runner.close()), ms: median(times) };
}

/** Ours and, where PyTorch can run, the faster of its layouts. */
async function measure(
  name: string,
): Promise<{ ours: Finished; torch?: Finished; layout?: string; problem?: string }> {
  const ours: Side = { runner: openRunner(process.execPath, [oursScript, name, options.threads]), times: [] };
  const layouts = ['contiguous', 'channels_last'].map((layout) => ({
    layout,
    runner: openRunner(options.python, [torchScript, name, layout, options.threads]),
    times: [] as number[],
  }));
  let problem: string | undefined;
  const peers = new Set<Side>(layouts);
  for (let run = -warmups; run < Number(options.runs); run++) {
    for (const side of [ours, ...peers]) {
      try {
        const ms = await side.runner.run();
        if (run >= 0) side.times.push(ms);
      } catch (error) {
        if (side === ours) throw error;
        peers.delete(side);
        problem = `PyTorch could not run: ${(error as Error).message}`;
      }
    }
  }
  const oursDone = await finish(ours);
  const done = await Promise.all(
    layouts
      .filter((side) => peers.has(side))
      .map(async (side) => ({ ...(await finish(side)), layout: side.layout })),
  );
  const best = done.toSorted((a, b) => a.ms - b.ms)[0];
  if (best === undefined) return { ours: oursDone, ...(problem !== undefined && { problem }) };
  if (best.parameters !== oursDone.parameters) {
    throw new Error(
      `${name}: ours has ${oursDone.parameters} parameters, PyTorch's network ${best.parameters}`,
    );
  }
  return { ours: oursDone, torch: best, layout: best.layout };
}

async function casesOf(
  name: string,
  target: number | null,
  versions: Record<string, string>,
): Promise<BenchCase[]> {
  process.stderr.write(`bench: ${name} …\n`);
  const memoryName = `${name}, peak resident set`;
  const training = name.includes('training');
  try {
    const { ours, torch, layout, problem } = await measure(name);
    if (torch !== undefined) versions.pytorch = torch.version;
    const time = benchCase({
      name,
      unit: 'ms',
      ours: ours.ms,
      peer: torch?.ms ?? null,
      ratio: torch === undefined ? null : torch.ms / ours.ms,
      target,
      judge: 'ratio',
      higherIsBetter: true,
      note: problem ?? `${ours.parameters} parameters; PyTorch's best: ${layout}`,
    });
    const memory = benchCase({
      name: memoryName,
      unit: 'MiB',
      ours: ours.peakMib,
      peer: torch?.peakMib ?? null,
      target: memoryTarget,
      judge: 'ratio',
      ...(problem !== undefined && { note: problem }),
    });
    return training ? [time, memory] : [time];
  } catch (error) {
    const note = (error as Error).message;
    const failed = { unit: 'ms', ours: null, target, judge: 'ratio', higherIsBetter: true, note } as const;
    return [benchCase({ name, ...failed })];
  }
}

const versions: Record<string, string> = {};
const cases: BenchCase[] = [];
for (const [name, target] of timeTargets) {
  if (name.includes(options.only)) cases.push(...(await casesOf(name, target, versions)));
}
printReport(makeReport('nn', cases, versions), options.json);
