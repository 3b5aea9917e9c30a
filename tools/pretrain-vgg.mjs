// npm run pretrain:vgg [-- --network vgg16 --steps 300 --batch 32 --patients 12 --seed 1 --threads 2 --out out/pretrained]
// Trains VGG from random weights on phantoms, to tell lesions from what is none, and writes its convolutions as first weights for
// other trainings: <out>/<network>-phantoms.safetensors. By estimate 4 minutes on two quiet cores for vgg11 and 8 for vgg16 (measured: vgg11,
// 150 steps of 16, two minutes of one core); stopped, it goes on when it is called again. Phantom figures say nothing of real scans.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setup } from '../scripts/setup.mjs';

setup();
const { writePhantoms } = await import('@glisson/imaging/phantom/write-phantoms');
const { writeFileWhole } = await import('@glisson/imaging/files/whole-files');
const { trainRun } = await import('@glisson/pipeline/train/train-run');
const { backboneFile } = await import('@glisson/pipeline/train/patches/backbone-file');

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'vgg11' },
    steps: { type: 'string', default: '300' },
    batch: { type: 'string', default: '32' },
    patients: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string' },
    out: { type: 'string', default: 'out/pretrained' },
  },
});
const { network, out } = values;
if (network !== 'vgg11' && network !== 'vgg16')
  throw new Error(`--network is vgg11 or vgg16, not ${network}`);
const [steps, batch, patients, seed] = [values.steps, values.batch, values.patients, values.seed].map(Number);

/** Seeds of phantoms that others use are small numbers: nobody validates on these patients. */
const phantomSeed = 1000 + seed;
const data = join(out, `phantoms-${patients}-seed-${phantomSeed}`);
const run = join(out, `run-${network}-${patients}-${steps}x${batch}-seed-${seed}`);

const controller = new AbortController();
process.once('SIGINT', () => controller.abort(new Error('stopped')));
process.once('uncaughtException', (error) => {
  if (!controller.signal.aborted) throw error;
  console.error('Stopped. The same command goes on later.');
  process.exit(130);
});
let shown = '';
const onProgress = ({ stage, done, total, note }) => {
  const line = `${stage} ${done}/${total} ${stage === 'train' ? (note ?? '') : ''}`;
  const isNews = stage === 'train' ? done % 10 === 0 || done === total : stage !== shown;
  if (isNews) console.error(line);
  shown = stage;
};
const control = { signal: controller.signal, onProgress };

if (!existsSync(data))
  await writePhantoms(data, { patients, seed: phantomSeed, preset: 'demo', force: false }, control);
const set = {
  'network.head': 'pooled',
  'training.patchSize': '65',
  'training.batchSize': String(batch),
  'training.steps': String(steps),
  'training.stepsPerEpoch': String(Math.ceil(steps / 3)),
  'training.optimiser.learningRate': '0.0003',
  'training.weightAverageDecay': '0.98',
  // Scoring whole slices takes as long as training: few of them.
  'training.small.trainingSlices': '1000',
  'training.small.validationSlices': '4',
  'training.hardNegatives.everyEpochs': '0',
};
const summary = await trainRun(
  {
    data,
    recipe: `patch-${network}`,
    out: run,
    seed,
    set,
    validation: [`patient-${String(patients).padStart(3, '0')}`],
    checkpointEverySteps: 10,
    resume: existsSync(join(run, 'plan.json')),
    ...(values.threads !== undefined && { threads: Number(values.threads) }),
  },
  control,
);
const { gitCommit } = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'));
const model = new Uint8Array(await readFile(join(run, 'model.onnx')));
const about = {
  trainedOn: 'phantoms',
  phantoms: `${patients} of seed ${phantomSeed}`,
  commit: gitCommit ?? 'unknown',
};
const file = join(out, `${network}-phantoms.safetensors`);
await writeFileWhole(file, backboneFile(summary.plan, model, about));
console.log(`Wrote ${file} (phantoms, seed ${seed}, commit ${about.commit}).`);
console.log(
  `Lesion Dice on 4 slices of an unseen phantom: ${summary.validation.lesionDice?.toFixed(3) ?? 'none'}.`,
);
console.log(
  `Next: glisson train --recipe patch-${network} --set network.head=pooled --set training.transfer.weights=${file} ...`,
);
