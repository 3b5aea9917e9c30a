// npm run bench:liver [-- --json --validation A --steps N --set key=value … --skip-training]
// Real scans, as a user would: `glisson train` on the labelled liver scans with patient F held out, settings and
// thresholds from the validation patient; then, once, `glisson segment` and `glisson evaluate` on cases 6 and 10 of
// patient F beside the best-HU-threshold baseline, and the DICOM zip of 3D-IRCADb patient 1 (no labels).
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCase, readDataset } from '@glisson/imaging/datasets/read-dataset';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { evaluateCase } from '@glisson/pipeline/evaluate/evaluate-case';
import type { Evaluation } from '@glisson/pipeline/evaluate/evaluate-pairs';
import {
  applyThreshold,
  chooseThreshold,
  type LiverHistogram,
  liverHistogram,
} from '@glisson/pipeline/evaluate/hu-threshold-baseline';
import { type BenchCase, benchCase, makeReport, printReport, repositoryRoot } from './common/bench-report.ts';
import { runGlisson } from './common/run-cli.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    validation: { type: 'string', default: 'A' },
    set: { type: 'string', multiple: true, default: [] },
    'skip-training': { type: 'boolean', default: false },
    out: { type: 'string', default: join(repositoryRoot, 'out', 'bench', 'liver') },
  },
});
const shared = process.env.GLISSON_SHARED ?? join(repositoryRoot, '..', 'shared');
const data = join(shared, 'data', 'liver');
const testPatient = 'F';
const testCases = ['6', '10'] as const;
const run = join(options.out, 'run');

if (!existsSync(data)) {
  const reason = 'the real scans are not on this machine';
  printReport(
    makeReport('liver', [benchCase({ name: 'liver', unit: 'Dice', ours: null, target: 0.85, note: reason })]),
    options.json,
  );
  process.exit(1);
}

const started = performance.now();
if (!options['skip-training']) {
  await rm(run, { recursive: true, force: true });
  const set = options.set.flatMap((assignment) => ['--set', assignment]);
  const split = ['--test', testPatient, '--validation', options.validation];
  await runGlisson(['train', '--data', data, '--recipe', 'unet-2d', '--out', run, ...split, ...set]);
}
const trained = performance.now();

/** The threshold comes from the training and validation patients, inside their true livers. */
async function baselineThreshold(): Promise<number> {
  const dataset = await readDataset(data);
  const histograms: LiverHistogram[] = [];
  for (const entry of dataset.cases) {
    if (entry.patient === testPatient) continue;
    const { scan, labelmap } = await readCase(entry, dataset.labels);
    if (labelmap !== undefined) histograms.push(liverHistogram(scan.volume, labelmap, labelmap));
  }
  return chooseThreshold(histograms).thresholdHU;
}

const thresholdHU = await baselineThreshold();
const cases: BenchCase[] = [];
for (const id of testCases) {
  const image = join(data, `volume-${id}.nii.gz`);
  const reference = join(data, `segmentation-${id}.nii.gz`);
  const result = join(options.out, `case-${id}`);
  const segmented = await runGlisson(['segment', image, '--out', result, '--model', run, '--force']);
  const prediction = join(result, 'labels.nii.gz');
  const scored = await runGlisson([
    'evaluate',
    '--reference',
    reference,
    '--prediction',
    prediction,
    '--no-log',
  ]);
  const { liver, lesion } = (scored.json as Evaluation).cases[0]!;
  const truth = await readLabelmap(reference);
  const baseline = evaluateCase(
    truth,
    applyThreshold((await readScan(image)).volume, await readLabelmap(prediction), thresholdHU),
  ).lesion;
  cases.push(
    benchCase({
      name: `case ${id}: liver Dice`,
      unit: 'Dice',
      ours: liver.dice,
      target: 0.85,
      higherIsBetter: true,
      note: `IoU ${liver.iou.toFixed(3)}, segmented in ${segmented.seconds.toFixed(0)} s`,
    }),
    benchCase({
      name: `case ${id}: lesion Dice`,
      unit: 'Dice',
      ours: lesion.dice,
      peer: baseline.dice,
      target: null,
      higherIsBetter: true,
      note: `IoU ${lesion.iou.toFixed(3)}; peer: below ${thresholdHU} HU inside the predicted liver, IoU ${baseline.iou.toFixed(3)}`,
    }),
  );
}
const finished = performance.now();

const zip = join(shared, 'data', 'dicom', '3Dircadb1-patient01.zip');
const patient1 = join(options.out, 'patient-1');
const segmented = await runGlisson(['segment', zip, '--out', patient1, '--model', run, '--force']);
await writeFile(join(options.out, 'patient-1.json'), JSON.stringify(segmented.json, null, 1));
cases.push(
  benchCase({
    name: 'train, segment and score, all together',
    unit: 'min',
    ours: options['skip-training'] ? null : (finished - started) / 60_000,
    target: 30,
    note: options['skip-training']
      ? 'training was skipped'
      : `training with preprocessing ${((trained - started) / 60_000).toFixed(1)} min`,
  }),
  benchCase({
    name: 'DICOM zip of patient 1, all outputs',
    unit: 's',
    ours: segmented.seconds,
    target: 60,
    note: `no labels: look at ${patient1}`,
  }),
);
printReport(makeReport('liver', cases), options.json);
