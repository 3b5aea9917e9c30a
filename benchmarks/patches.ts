// npm run bench:patches [-- --json --runs 3 --patches 64 --threads 2 --only TEXT]
// All windows of one slice, dense against patch by patch on the same engine: 512 x 512 padded by 128, patches of 257 at stride
// 8 (64 x 64 windows), each side in a process of its own, interleaved, medians. One patch is timed at least 64 times and
// multiplied by the number of windows: 4096 passes of VGG16 would take a quarter of an hour. Ratios are patch by
// patch / dense. Last, patch-small on a whole phantom scan of 129 slices, body-masked, in a fresh process.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPhantom } from '@glisson/imaging/phantom/create-phantom';
import { writeVolumeFile } from '@glisson/imaging/scan/write-volume';
import { multiplyAdds } from '@glisson/nn/analysis/multiply-adds';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { denseTiles } from '@glisson/nn/dense/dense-tiles';
import { sizeOf } from '@glisson/nn/graph/shape';
import { input } from '@glisson/nn/graph/tensor';
import { scopeOf } from '@glisson/nn/layers/scope';
import type { Network } from '@glisson/nn/models/network';
import {
  type BenchCase,
  benchCase,
  makeReport,
  median,
  printReport,
  repositoryRoot,
} from './common/bench-report.ts';
import { runCommand } from './common/run-cli.ts';
import { openRunner } from './nn/runner.ts';
import { windowsCase } from './patches/cases.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    patches: { type: 'string', default: '64' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
});
const runs = Number(options.runs);
const patches = Math.max(64, Number(options.patches));
const scripts = join(repositoryRoot, 'benchmarks', 'dist', 'patches');
const mostMib = 2048;

interface Targets {
  /** Least ratio of multiply-adds, and of times; null: reported only. */
  readonly multiplyAdds: number | null;
  readonly time: number | null;
  readonly peakMib?: number;
}

const targets: Readonly<Record<string, Targets>> = {
  'vgg16, pooled head': { multiplyAdds: 300, time: 100 },
  'vgg16, fc 4096-4096': { multiplyAdds: 90, time: 50 },
  resnet18: { multiplyAdds: null, time: 40 },
  'vgg16, pooled head, stride 7': { multiplyAdds: null, time: null, peakMib: mostMib },
};

function costOf(network: Network, size: readonly number[]): number {
  const scope = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  return multiplyAdds([network.forward(scope, input('image', [1, network.inputChannels, ...size]))]);
}

async function windowsCases(name: string, target: Targets): Promise<BenchCase[]> {
  process.stderr.write(`bench: ${name} …\n`);
  const { network, ...windows } = windowsCase(name);
  const { patchSize } = windows;
  const { tileSize, tiles, passStride, positions } = denseTiles(windows);
  const count = sizeOf(positions);
  const dense = denseNetwork(network, { patchSize, outputStride: passStride });
  const grid = `${positions.join(' x ')} windows`;
  const passes = tiles.length === 1 ? '' : `, ${tiles.length} passes at stride ${passStride}`;
  const costs = benchCase({
    name: `${name}, multiply-adds`,
    unit: 'G',
    ours: (tiles.length * costOf(dense, tileSize)) / 1e9,
    peer: (count * costOf(network, patchSize)) / 1e9,
    ratio: (count * costOf(network, patchSize)) / (tiles.length * costOf(dense, tileSize)),
    target: target.multiplyAdds,
    judge: 'ratio',
    higherIsBetter: true,
    note: `${grid}${passes}; peer: patch by patch`,
  });
  const timed = { name: `${name}, time`, unit: 's', judge: 'ratio', higherIsBetter: true } as const;
  const run = (side: string) =>
    openRunner(process.execPath, [join(scripts, 'run-windows.js'), name, side, options.threads]);
  const [one, all] = [run('patch'), run('dense')];
  try {
    const times = { one: [] as number[], all: [] as number[] };
    await one.run();
    await all.run();
    for (let n = 0; n < runs; n++) {
      times.all.push(await all.run());
      for (let patch = 0; patch < Math.ceil(patches / runs); patch++) times.one.push(await one.run());
    }
    const [oneDone, allDone] = [await one.close(), await all.close()];
    const ours = (tiles.length * median(times.all)) / 1000;
    const peer = (count * median(times.one)) / 1000;
    const extrapolated = `peer: ${count} x the median of ${times.one.length} patches`;
    const fromOne = tiles.length === 1 ? '' : `ours: ${tiles.length} x one pass; `;
    return [
      costs,
      benchCase({
        ...timed,
        ours,
        peer,
        ratio: peer / ours,
        target: target.time,
        note: `${grid}; ${fromOne}${extrapolated}`,
      }),
      benchCase({
        name: `${name}, peak resident set`,
        unit: 'MiB',
        ours: allDone.peakMib,
        peer: oneDone.peakMib,
        target: target.peakMib ?? null,
        note: `${allDone.parameters} parameters; with building the model`,
      }),
    ];
  } catch (error) {
    await Promise.allSettled([one.close(), all.close()]);
    return [costs, benchCase({ ...timed, ours: null, target: target.time, note: (error as Error).message })];
  }
}

interface ScanFigures {
  readonly seconds: number;
  readonly slices: number;
  readonly windows: string;
  readonly judged: number;
  readonly peakMib: number;
}

async function scanCases(): Promise<BenchCase[]> {
  const name = 'patch-small, a scan of 129 slices';
  if (!name.includes(options.only)) return [];
  process.stderr.write(`bench: ${name} …\n`);
  const path = join(repositoryRoot, 'out', 'bench', 'patches', 'phantom.nii');
  if (!existsSync(path)) {
    const phantom = await createPhantom({ seed: 1, patient: 1, preset: 'full', slices: 129, sliceMm: 2.5 });
    await writeVolumeFile(path, phantom.volume);
  }
  const found: ScanFigures[] = [];
  try {
    for (let n = 0; n < runs; n++) {
      const args = [join(scripts, 'scan-small.js'), path, options.threads];
      found.push(JSON.parse((await runCommand(process.execPath, args)).stdout) as ScanFigures);
    }
  } catch (error) {
    return [benchCase({ name, unit: 's', ours: null, target: 60, note: (error as Error).message })];
  }
  const { windows, judged } = found[0]!;
  return [
    benchCase({
      name,
      unit: 's',
      ours: median(found.map(({ seconds }) => seconds)),
      target: 60,
      note: `stride 4, ${windows} windows a slice, ${judged} of the body, body mask included`,
    }),
    benchCase({
      name: `${name}, peak resident set`,
      unit: 'MiB',
      ours: Math.max(...found.map(({ peakMib }) => peakMib)),
      target: mostMib,
    }),
  ];
}

const cases: BenchCase[] = [];
for (const [name, target] of Object.entries(targets)) {
  if (name.includes(options.only)) cases.push(...(await windowsCases(name, target)));
}
cases.push(...(await scanCases()));
printReport(makeReport('patches', cases), options.json);
