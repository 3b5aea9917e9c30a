// npm run bench:liver-patches [-- --json --recipe patch-small --patients A,C,D,E,F --weights FILE --set key=value … --keep]
// Classifiers of patches on real scans, leaving out one patient at a time, as a user would: `glisson train`, `segment`,
// `evaluate`. In each fold one of the other patients, the one with the second most lesion voxels, chooses epoch and threshold;
// the left-out patient is watched after each epoch (a curve for the eye) and scored once at the end. The classifier knows no
// liver: it learns and judges inside the true one, and so does the peer, the best HU threshold of the fold's other patients.
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DatasetCase } from '@glisson/imaging/datasets/dataset';
import { readCase, readDataset } from '@glisson/imaging/datasets/read-dataset';
import { evaluateCase } from '@glisson/pipeline/evaluate/evaluate-case';
import type { Evaluation } from '@glisson/pipeline/evaluate/evaluate-pairs';
import {
  applyThreshold,
  chooseThreshold,
  type LiverHistogram,
  liverHistogram,
} from '@glisson/pipeline/evaluate/hu-threshold-baseline';
import type { Metrics } from '@glisson/pipeline/train/metrics';
import { type BenchCase, benchCase, makeReport, printReport, repositoryRoot } from './common/bench-report.ts';
import { runGlisson } from './common/run-cli.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    recipe: { type: 'string', default: 'patch-small' },
    patients: { type: 'string', default: 'A,C,D,E,F' },
    weights: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    /** Folds that are there already are scored again, not trained. */
    keep: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const shared = process.env.GLISSON_SHARED ?? join(repositoryRoot, '..', 'shared');
const data = join(shared, 'data', 'liver');
const out = options.out ?? join(repositoryRoot, 'out', 'bench', 'liver-patches', options.recipe);
const name = `liver-patches ${options.recipe}`;
if (!existsSync(data)) {
  const note = 'the real scans are not on this machine';
  printReport(
    makeReport(name, [benchCase({ name, unit: 'Dice', ours: null, target: null, note })]),
    options.json,
  );
  process.exit(1);
}

interface Case {
  readonly entry: DatasetCase;
  readonly histogram: LiverHistogram;
}

async function readCases(): Promise<Case[]> {
  const dataset = await readDataset(data);
  const read: Case[] = [];
  for (const entry of dataset.cases) {
    const { scan, labelmap } = await readCase(entry, dataset.labels);
    if (labelmap !== undefined)
      read.push({ entry, histogram: liverHistogram(scan.volume, labelmap, labelmap) });
  }
  return read;
}

const all = await readCases();
const patients = [...new Set(all.map(({ entry }) => entry.patient))];
const lesionVoxels = (patient: string) =>
  all
    .filter(({ entry }) => entry.patient === patient)
    .reduce((sum, { histogram }) => sum + histogram.lesionVoxels, 0);

/** By the labels of the others alone: the left-out patient has no say. */
function innerPatient(left: string): string {
  const others = patients.filter((patient) => patient !== left);
  return others.sort((a, b) => lesionVoxels(b) - lesionVoxels(a))[1]!;
}

/** What differs from the recipe: only the liver is judged, and slices have 1.5 mm pixels, so that a patch shows 97 mm. */
const settings = [
  'inference.mask=liver',
  'training.sampling.outsideLiver=0',
  'preprocess.spacingMm=1.5,1.5',
  'training.validationSlices=24',
];

async function trainFold(left: string, inner: string, run: string): Promise<number> {
  if (options.keep && existsSync(join(run, 'model.onnx'))) return 0;
  await rm(run, { recursive: true, force: true });
  const set = [
    ...settings,
    ...(options.weights === undefined ? [] : [`training.transfer.weights=${options.weights}`]),
    ...options.set,
  ];
  const trained = await runGlisson([
    ...['train', '--data', data, '--recipe', options.recipe, '--out', run],
    ...['--test', left, '--validation', inner, '--watch-test'],
    ...set.flatMap((assignment) => ['--set', assignment]),
  ]);
  return trained.seconds;
}

/** What the curve of the left-out patient would have allowed, and what was chosen without looking at it. */
async function curveOf(run: string): Promise<{ oracle: string; curve: string }> {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const watched = lines
    .map((line) => JSON.parse(line) as Metrics)
    .filter((line) => line.kind === 'watched' && line.lesionDice !== null);
  const best = watched.reduce<{ epoch: number; dice: number }>(
    (found, line) =>
      line.kind === 'watched' && line.lesionDice! > found.dice
        ? { epoch: line.epoch, dice: line.lesionDice! }
        : found,
    { epoch: 0, dice: -1 },
  );
  return {
    oracle: watched.length === 0 ? 'no curve' : `oracle: epoch ${best.epoch}, ${best.dice.toFixed(3)}`,
    curve: watched.map((line) => (line.kind === 'watched' ? line.lesionDice!.toFixed(2) : '')).join(' '),
  };
}

async function lesionScores(entry: DatasetCase, run: string, result: string) {
  const { image, id } = entry;
  const label = join(data, `segmentation-${id}.nii.gz`);
  await runGlisson(['segment', image, '--out', result, '--model', run, '--liver', label, '--force']);
  const prediction = join(result, 'labels.nii.gz');
  const scored = await runGlisson(['evaluate', '--no-log', '--reference', label, '--prediction', prediction]);
  return (scored.json as Evaluation).cases[0]!.lesion;
}

const cases: BenchCase[] = [];
const ours: number[] = [];
const baselines: number[] = [];
const dataset = await readDataset(data);
for (const left of options.patients.split(',')) {
  const inner = innerPatient(left);
  const folder = join(out, `without-${left}`);
  const run = join(folder, 'run');
  const seconds = await trainFold(left, inner, run);
  const { oracle, curve } = await curveOf(run);
  const others = all.filter(({ entry }) => entry.patient !== left);
  const { thresholdHU } = chooseThreshold(others.map(({ histogram }) => histogram));
  for (const { entry } of all.filter((one) => one.entry.patient === left)) {
    const lesion = await lesionScores(entry, run, join(folder, `case-${entry.id}`));
    const { scan, labelmap } = await readCase(entry, dataset.labels);
    const baseline = evaluateCase(labelmap!, applyThreshold(scan.volume, labelmap!, thresholdHU)).lesion;
    ours.push(lesion.dice);
    baselines.push(baseline.dice);
    cases.push(
      benchCase({
        name: `case ${entry.id} (${left} left out, ${inner} chose)`,
        unit: 'Dice',
        ours: lesion.dice,
        peer: baseline.dice,
        target: null,
        higherIsBetter: true,
        note:
          `IoU ${lesion.iou.toFixed(3)}; peer: below ${thresholdHU} HU, IoU ${baseline.iou.toFixed(3)}; ${oracle}; ` +
          `curve ${curve}; trained in ${(seconds / 60).toFixed(1)} min`,
      }),
    );
  }
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
cases.push(
  benchCase({
    name: 'mean over cases',
    unit: 'Dice',
    ours: mean(ours),
    peer: mean(baselines),
    target: 1,
    judge: 'ratio',
    higherIsBetter: true,
  }),
);
printReport(makeReport(name, cases), options.json);
