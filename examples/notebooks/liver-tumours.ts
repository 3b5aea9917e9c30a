// %% [markdown]
// # Liver tumours: from scans to a comparison of trainings
//
// The whole way on synthetic scans (phantoms), in about a minute: look at the data, see what patches are, divide the patients, train
// two small networks, compare them, and segment a patient that neither has seen. Everything is called as a library; each
// step is also a verb of the `glisson` command.
//
// This is a notebook for a TypeScript kernel (`liver-tumours.ipynb`) and a plain script (`liver-tumours.ts`) with the same
// code. `npm run notebook` runs the one, `npm run notebook -- --script` the other. Research use only, not a medical device.

// %%
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePhantoms } from '@glisson/imaging/phantom/write-phantoms';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { evaluateCase } from '@glisson/pipeline/evaluate/evaluate-case';
import { drawCurves } from '@glisson/pipeline/experiments/curves/curves-svg';
import { judgeCurve } from '@glisson/pipeline/experiments/curves/judge-curve';
import { readCurves } from '@glisson/pipeline/experiments/curves/read-curve';
import { textCurves } from '@glisson/pipeline/experiments/curves/text-curves';
import { readRun } from '@glisson/pipeline/experiments/record/read-run';
import { explainWindows } from '@glisson/pipeline/explain/explain-windows';
import { drawWindows } from '@glisson/pipeline/explain/windows-picture';
import { createFolds } from '@glisson/pipeline/folds/create-folds';
import { foldsHash } from '@glisson/pipeline/folds/folds';
import { writeFolds } from '@glisson/pipeline/folds/folds-file';
import { gatherReport } from '@glisson/pipeline/inspect/gather-report';
import { renderInspectText } from '@glisson/pipeline/inspect/render-text';
import { loadModel } from '@glisson/pipeline/predict/load-model';
import { segmentScan } from '@glisson/pipeline/predict/segment-scan';
import { drawOverview } from '@glisson/pipeline/report/overview';
import { trainRun } from '@glisson/pipeline/train/train-run';

const folder = await mkdtemp(join(tmpdir(), 'glisson-notebook-'));
const dataFolder = join(folder, 'phantoms');
const cacheFolder = join(folder, 'cache');
const foldsFile = join(folder, 'folds.json');
console.log(`Everything goes to ${folder}`);

/** Shows a picture where there is a notebook; a script says where it lies. */
async function show(name: string, picture: string | Uint8Array): Promise<void> {
  await writeFile(join(folder, name), picture);
  const kernel = 'tslab';
  const notebook = await import(kernel).catch(() => undefined);
  if (notebook === undefined) console.log(join(folder, name));
  else if (typeof picture === 'string') notebook.display.svg(picture);
  else notebook.display.png(picture);
}

// %% [markdown]
// ## Inspect
//
// Six patients as DICOM series with their true labels: 0 background, 1 liver, 2 lesion.

// %%
const { phantoms } = await writePhantoms(dataFolder, { patients: 6, seed: 5, preset: 'demo' });
const { report } = await gatherReport(join(dataFolder, phantoms[0].image), false);
console.log(renderInspectText(report));

// %% [markdown]
// ## Patches
//
// A classifier of patches judges the pixel in the middle of a window that slides over a slice. The picture shows the blocks of a
// slice with their shares of liver and lesion, windows at their stride, and some patches with their labels.

// %%
const first = await readScan(join(dataFolder, phantoms[0].image));
const truth = await readLabelmap(join(dataFolder, phantoms[0].label));
const windows = explainWindows(first.volume, truth, {
  rows: 4,
  columns: 4,
  patch: 65,
  stride: 8,
  windowHU: { low: -60, high: 200 },
  paddingHU: -60,
});
const ofLesion = windows.windows.filter(({ label }) => label === 'lesion').length;
console.log(
  `Slice ${windows.slice}: ${windows.windows.length} windows, ${ofLesion} with a lesion in the middle`,
);
await show('windows.png', await drawWindows(windows, phantoms[0].id));

// %% [markdown]
// ## Folds
//
// Patients, never slices, are divided, once. Runs keep the hash of the folds.

// %%
const folds = await createFolds(dataFolder, { folds: 3, seed: 1, cache: cacheFolder });
await writeFolds(foldsFile, folds);
for (const [f, patients] of folds.folds.entries()) {
  const volumes = patients.map((patient) => `${patient} (${folds.patients[patient].lesionMl} ml of lesions)`);
  console.log(`fold ${f + 1}: ${volumes.join(', ')}`);
}
console.log(foldsHash(folds));

// %% [markdown]
// ## Train small
//
// Two U-Nets of the same make that differ in their learning rate. Fold 1 tests and is not touched; one patient of the others
// validates and chooses the best epoch.

// %%
const learningRates = { cautious: '0.0005', brisk: '0.004' };
for (const [name, learningRate] of Object.entries(learningRates)) {
  const summary = await trainRun({
    data: dataFolder,
    cache: cacheFolder,
    out: join(folder, 'runs', name),
    folds: foldsFile,
    fold: 1,
    innerValidation: 1,
    seed: 1,
    set: {
      'preprocess.windowHU': '-60,200',
      'preprocess.spacingMm': '3,3',
      'network.levels': '3',
      'network.baseChannels': '8',
      'training.steps': '100',
      'training.stepsPerEpoch': '10',
      'training.patchSize': '48,48',
      'training.batchSize': '8',
      'training.validationSlices': '8',
      'training.optimiser.learningRate': learningRate,
    },
  });
  const { liverDice, lesionDice } = summary.validation;
  console.log(
    `${name}: best epoch ${summary.bestEpoch}, validation Dice of liver and lesions`,
    liverDice,
    lesionDice,
  );
}

// %% [markdown]
// ## Compare
//
// Runs are folders; their records and curves are read from there.

// %%
const runs = Object.keys(learningRates).map((name) => join(folder, 'runs', name));
const records = await Promise.all(runs.map((run) => readRun(run)));
for (const { id, fields, results, choosers } of records) {
  const rate = fields['training.optimiser.learningRate'];
  console.log(
    `${id}: learning rate ${rate}, score ${results.validationScore}, chosen on ${choosers.join(', ')}`,
  );
}
const curves = await readCurves(runs);
for (const curve of curves) {
  console.log([curve.name, ...textCurves(curve, { width: 100, height: 6, colour: false })].join('\n'));
  console.log(`verdict: ${judgeCurve(curve).kind}`);
}
await show('curves.svg', drawCurves(curves).svg);

// %% [markdown]
// ## Segment
//
// The run that is best on the validation patient segments a patient of the test fold, once.

// %%
const score = (n: number) => records[n].results.validationScore ?? 0;
const winner = score(0) >= score(1) ? 0 : 1;
const unseen = phantoms.find(({ id }) => folds.folds[0].includes(id));
if (unseen === undefined) throw new Error('The test fold is empty.');
const scan = await readScan(join(dataFolder, unseen.image));
const segmentation = await segmentScan(scan, await loadModel(runs[winner]));
const scores = evaluateCase(await readLabelmap(join(dataFolder, unseen.label)), segmentation.labelmap);
console.log(`${curves[winner].name} on ${unseen.id}:`);
console.log(`liver: Dice ${scores.liver.dice.toFixed(3)}, lesions: Dice ${scores.lesion.dice.toFixed(3)}`);
console.log(`${segmentation.lesions.length} lesions found, ${segmentation.lesionMl.toFixed(1)} ml`);
await show('overview.png', await drawOverview(scan.volume, segmentation, unseen.id));
