// npm run bench:session-options [-- --json --rounds 7 --only TEXT]
// What settings of an ONNX Runtime session cost and bring: the U-Net of bench:nn, a training step and inference. In each
// round every setting runs once, in a process of its own; ratios are to the default within the same round, and their
// medians are shown, so that what else the machine does weighs little.
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
import { runCommand } from './common/run-cli.ts';
import type { SessionMeasurement } from './nn/run-session.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
  },
});

const threads = 2;
/** As `runtime/backend-node.ts` has them. */
const defaults = {
  executionProviders: ['cpu'],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  enableMemPattern: false,
  enableCpuMemArena: true,
  logSeverityLevel: 4,
  extra: { session: { set_denormal_as_zero: '1', force_spinning_stop: '1' } },
};
const extra = (session: Readonly<Record<string, unknown>>) => ({
  extra: { session: { ...defaults.extra.session, ...session } },
});
const settings: Readonly<Record<string, object>> = {
  defaults: {},
  'memory pattern': { enableMemPattern: true },
  'no arena': { enableCpuMemArena: false },
  'optimisation: basic': { graphOptimizationLevel: 'basic' },
  'optimisation: extended': { graphOptimizationLevel: 'extended' },
  'parallel execution': { executionMode: 'parallel', interOpNumThreads: 2 },
  'spinning between runs': extra({ force_spinning_stop: '0' }),
  'no spinning': extra({ intra_op: { allow_spinning: '0' } }),
  'dynamic blocks': extra({ dynamic_block_base: '4' }),
  'denormals kept': extra({ set_denormal_as_zero: '0' }),
  'no prepacking': extra({ disable_prepacking: '1' }),
  'one thread': { intraOpNumThreads: 1 },
};

const script = join(repositoryRoot, 'benchmarks', 'dist', 'nn', 'run-session.js');

async function measure(name: string, setting: string): Promise<SessionMeasurement> {
  const json = JSON.stringify({ ...defaults, ...settings[setting] });
  return JSON.parse((await runCommand(process.execPath, [script, name, json])).stdout) as SessionMeasurement;
}

const cases: BenchCase[] = [];
for (const name of ['training', '256', '512']) {
  const title = name === 'training' ? 'training step' : `inference ${name} px`;
  const chosen = Object.keys(settings).filter(
    (setting) => setting === 'defaults' || `${title}, ${setting}`.includes(options.only),
  );
  if (chosen.length === 1 && options.only !== '') continue;
  const found = new Map<string, SessionMeasurement[]>(chosen.map((setting) => [setting, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    process.stderr.write(`bench: ${title}, round ${round + 1} of ${options.rounds} …\n`);
    for (const setting of chosen) found.get(setting)!.push(await measure(name, setting));
  }
  const base = found.get('defaults')!;
  for (const [quantity, unit] of [
    ['runMs', 'ms'],
    ['processorMs', 'ms'],
    ['peakMib', 'MiB'],
    ['openMs', 'ms'],
  ] as const) {
    for (const [setting, measured] of found) {
      const values = measured.map((each) => each[quantity]);
      cases.push(
        benchCase({
          name: `${title}, ${quantity.replace(/(Ms|Mib)$/, '')}: ${setting}`,
          unit,
          ours: median(values),
          peer: median(base.map((each) => each[quantity])),
          ratio: median(values.map((value, round) => value / base[round]![quantity])),
          target: null,
        }),
      );
    }
  }
}
printReport(makeReport('session-options', cases), options.json);
