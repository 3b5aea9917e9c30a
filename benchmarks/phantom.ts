// npm run bench:phantom [-- --json --seeds 1,2,3,4,5]
// The demo over five seeds: lesion Dice on phantom patients that the network has not seen (the mean over those of a
// seed, each patient counting the same; the lowest of them beside it), and the time it takes.
// Phantom figures: they say that the pipe works, and nothing about real patients.
import { rm } from 'node:fs/promises';
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
import { runGlisson } from './common/run-cli.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, seeds: { type: 'string', default: '1,2,3,4,5' } },
});

interface DemoDocument {
  readonly unseen: readonly { readonly lesion: { readonly dice: number } }[];
  readonly summary: Readonly<
    Record<'liver' | 'lesion', { readonly meanDice: number; readonly globalDice: number }>
  >;
  readonly seconds: Readonly<Record<string, number>>;
}

const seeds = options.seeds.split(',').map(Number);
const lesionDice: number[] = [];
const liverDice: number[] = [];
const patientDice: number[] = [];
const seconds: number[] = [];
const cases: BenchCase[] = [];
for (const seed of seeds) {
  const out = join(repositoryRoot, 'out', 'bench', 'phantom', `seed-${seed}`);
  await rm(out, { recursive: true, force: true });
  const result = await runGlisson(['demo', '--seed', String(seed), '--out', out]);
  const { unseen, summary } = result.json as DemoDocument;
  const ofPatients = unseen.map(({ lesion }) => lesion.dice);
  lesionDice.push(summary.lesion.meanDice);
  liverDice.push(summary.liver.meanDice);
  patientDice.push(...ofPatients);
  seconds.push(result.seconds);
  cases.push(
    benchCase({
      name: `phantom lesion Dice, seed ${seed}`,
      unit: 'Dice',
      ours: summary.lesion.meanDice,
      target: 0.65,
      higherIsBetter: true,
      note:
        `patients ${ofPatients.map((dice) => dice.toFixed(3)).join(' ')}, all voxels together ` +
        `${summary.lesion.globalDice.toFixed(3)}, liver ${summary.liver.meanDice.toFixed(3)}, ${result.seconds.toFixed(0)} s`,
    }),
  );
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
cases.push(
  benchCase({
    name: 'phantom lesion Dice, mean over seeds',
    unit: 'Dice',
    ours: mean(lesionDice),
    target: 0.8,
    higherIsBetter: true,
  }),
  benchCase({
    name: 'phantom lesion Dice, lowest of all patients',
    unit: 'Dice',
    ours: Math.min(...patientDice),
    target: null,
    higherIsBetter: true,
  }),
  benchCase({
    name: 'phantom liver Dice, mean over seeds',
    unit: 'Dice',
    ours: mean(liverDice),
    target: null,
    higherIsBetter: true,
  }),
  benchCase({ name: 'demo, median', unit: 's', ours: median(seconds), target: 240 }),
  benchCase({ name: 'demo, slowest', unit: 's', ours: Math.max(...seconds), target: 240 }),
);
printReport(makeReport('phantom', cases), options.json);
