import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import type { Finding } from '@glisson/imaging/volume/scan';
import type { Network } from '@glisson/nn/models/network';
import { splitNetwork } from '@glisson/nn/models/split-network';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { declarationsOf, statisticsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights } from '@glisson/nn/training/initialise';
import type { Weights } from '@glisson/nn/training/weights';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { cutPatch } from '../../patches/cut-patch.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import { lastingTrunk } from '../../plan/frozen-parts.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { hashJson } from '../../plan/plan-text.ts';
import type { TrainingBatch } from '../family.ts';
import { type Features, readFeatureFile, writeFeatureFile } from './feature-file.ts';
import { augmentPatch } from './patch-batch.ts';
import type { PatchCase } from './patch-case.ts';
import { sampleMiddle } from './sample-middle.ts';

/** Raised whenever the same plan, data and weights give other features. */
const codeVersion = 'features-1';

/** Patches that go through the trunk at once. */
const trunkBatch = 16;

/** Features, and the networks on both sides of them. */
export interface FeaturePool extends Features {
  /** Shape of the features of one patch, [C, ...S]. */
  readonly shape: readonly number[];
  readonly head: Network;
  /** First weights of the whole network: those of the trunk stay. */
  readonly weights: Weights;
  /** Those of them that the head learns from. */
  readonly headWeights: Weights;
  readonly findings: readonly Finding[];
}

export interface FeaturePoolOptions {
  /** First weights as `TrainerOptions` has them. */
  readonly first: Pick<Parameters<typeof initialWeights>[2], 'random' | 'initial' | 'classPriors'>;
  /** Where features are kept. */
  readonly cache: string;
  readonly threads: number | undefined;
  /** Asked only when the cache does not have them. */
  cases(): readonly PatchCase[];
}

/**
 * The features that a plan with `training.features` trains on: from the cache, else patches are drawn and go through the frozen
 * trunk, with its running statistics. They depend on the plan, the data, the trunk's weights and the seed; the cache's name for
 * them also on the number of threads, which can change last bits.
 * @throws PipelineError `option-invalid` when they would not fit into `memoryMB`; the signal's reason
 */
export async function openFeaturePool(
  plan: PatchPlan,
  { first, cache, threads, cases }: FeaturePoolOptions,
  control: TaskControl,
): Promise<FeaturePool> {
  const { training, network: networkPlan } = plan;
  const { patchSize, batchSize, features: wanted } = training;
  if (!wanted) throw new RangeError('the plan keeps no features');
  const network = patchNetwork(networkPlan);
  const imageShape = [batchSize, networkPlan.inputChannels, patchSize, patchSize];
  const weights = initialWeights(network, declarationsOf(network, imageShape), first);
  const { trunk, head, featureShape } = splitNetwork(network, lastingTrunk(plan), imageShape);
  const shape = featureShape.slice(1);
  const length = shape.reduce((product, size) => product * size, 1);
  const count = wanted.patches * Math.max(1, wanted.copies);
  assertFits(count, length, wanted.memoryMB);

  const own = namesOf(trunk, imageShape);
  const key = hashJson({
    code: codeVersion,
    // Dropout acts after the features.
    network: { ...networkPlan, dropout: undefined },
    trunk: trunk.name,
    weights: hashOf(weights, own),
    preprocess: plan.preprocess,
    patchSize,
    stride: training.stride,
    sampling: training.sampling,
    augmentation: wanted.copies > 0 ? training.augmentation : null,
    small: training.small?.trainingSlices ?? null,
    patches: wanted.patches,
    copies: wanted.copies,
    seed: training.seed,
    data: [plan.fingerprint.dataHash, plan.split.train],
    threads: threads ?? null,
  });
  const path = join(cache, `${key}.features`);
  const findings: Finding[] = [];
  let kept = await readFeatureFile(path, key, [count, ...shape]);
  const found = kept !== undefined;
  if (kept === undefined) {
    kept = await computeFeatures(cases(), plan, { trunk, weights, imageShape, length, threads }, control);
    try {
      await writeFeatureFile(path, key, [count, ...shape], kept);
    } catch (error) {
      findings.push({
        severity: 'warning',
        code: 'cache-not-written',
        message: `The features could not be kept for the next run: ${(error as Error).message}`,
      });
    }
  }
  findings.push({
    severity: 'info',
    code: 'features-kept',
    message: `The head trains on features of ${count} patches (${shape.join(' x ')} numbers each), ${found ? 'from the cache' : 'computed now'}.`,
    where: key.slice(0, 12),
  });
  const headNames = namesOf(head, featureShape);
  const headWeights = Object.fromEntries(headNames.map((name) => [name, weights[name]!]));
  return { ...kept, shape, head, weights, headWeights, findings };
}

/** The batch of a step: features in an order that is drawn anew for each pass over all of them. */
export function createFeatureBatch(
  { values, targets, shape }: FeaturePool,
  { batchSize, seed }: Pick<PatchPlan['training'], 'batchSize' | 'seed'>,
  step: number,
): TrainingBatch {
  const length = shape.reduce((product, size) => product * size, 1);
  const images = new Float32Array(batchSize * length);
  const chosen = featuresOfStep(targets.length, batchSize, seed, step);
  for (const [n, at] of chosen.entries())
    images.set(values.subarray(at * length, (at + 1) * length), n * length);
  return { images, targets: Uint8Array.from(chosen, (at) => targets[at]!) };
}

/** Which of `count` features are in the batch of a step. */
export function featuresOfStep(count: number, batchSize: number, seed: number, step: number): number[] {
  let pass = -1;
  let order: number[] = [];
  return Array.from({ length: batchSize }, (_, n) => {
    const at = step * batchSize + n;
    if (Math.floor(at / count) !== pass) {
      pass = Math.floor(at / count);
      order = shuffle([...Array(count).keys()], createRandom(seed, 'features', 'pass', pass));
    }
    return order[at % count]!;
  });
}

/**
 * Patch `index` of those that are drawn once, and its copies, as the network gets them: [max(1, copies), C, size, size].
 */
export function drawPatch(cases: readonly PatchCase[], plan: PatchPlan, index: number) {
  const { training, network } = plan;
  const { patchSize, seed, features } = training;
  const copies = features?.copies ?? 0;
  const length = network.inputChannels * patchSize * patchSize;
  const middle = sampleMiddle(cases, [], training, createRandom(seed, 'features', index));
  const { patchCase, slice, pixel, target } = middle;
  const { scan, prepared } = patchCase;
  const image = {
    width: scan.crop.width,
    height: scan.crop.height,
    data: scan.channels(slice),
    padding: scan.padding,
  };
  const images = new Float32Array(Math.max(1, copies) * length);
  cutPatch(image, pixel, patchSize, images, 0);
  for (let copy = 1; copy < copies; copy++) images.copyWithin(copy * length, 0, length);
  for (let copy = 0; copy < copies; copy++) {
    const own = images.subarray(copy * length, (copy + 1) * length);
    augmentPatch(
      own,
      network.inputChannels,
      patchSize,
      plan,
      createRandom(seed, 'features', index, 'copy', copy),
    );
  }
  return { images, target, place: `${prepared.id} slice ${slice + 1} of ${prepared.geometry.size[2]}` };
}

interface Trunk {
  readonly trunk: Network;
  readonly weights: Weights;
  readonly imageShape: readonly number[];
  /** Numbers of a feature. */
  readonly length: number;
  readonly threads: number | undefined;
}

async function computeFeatures(
  cases: readonly PatchCase[],
  plan: PatchPlan,
  { trunk, weights, imageShape, length, threads }: Trunk,
  control: TaskControl,
): Promise<Features> {
  const { patches, copies } = plan.training.features!;
  const each = Math.max(1, copies);
  const values = new Float32Array(patches * each * length);
  const targets = new Uint8Array(patches * each);
  const places: string[] = [];
  const dims = imageShape.slice(1);
  const pixels = dims.reduce((product, size) => product * size, 1);
  const model = exportModel({ network: trunk, weights, imageShape, size: dims.slice(1), activation: 'none' });
  const predictor = await createPredictor(model, { threads, signal: control.signal });
  try {
    const perBatch = Math.max(1, Math.floor(trunkBatch / each));
    for (let begin = 0; begin < patches; begin += perBatch) {
      control.signal?.throwIfAborted();
      const count = Math.min(perBatch, patches - begin);
      const images = new Float32Array(count * each * pixels);
      for (let n = 0; n < count; n++) {
        const drawn = drawPatch(cases, plan, begin + n);
        images.set(drawn.images, n * each * pixels);
        targets.fill(drawn.target, (begin + n) * each, (begin + n + 1) * each);
        for (let copy = 0; copy < each; copy++) places.push(drawn.place);
      }
      const { data } = await predictor.run(images, [count * each, ...dims]);
      values.set(data, begin * each * length);
      control.onProgress?.({
        stage: 'features',
        done: begin + count,
        total: patches,
        unit: 'patches',
      });
    }
  } finally {
    await predictor.close();
  }
  return { values, targets, places };
}

function assertFits(count: number, length: number, memoryMB: number): void {
  const megabytes = (count * length * 4) / 1e6;
  if (megabytes <= memoryMB) return;
  throw new PipelineError('option-invalid', 'The features do not fit into the memory that they may take.', {
    where: 'training.features',
    found: `${count} features of ${length} numbers, ${Math.ceil(megabytes)} MB`,
    expected: `at most training.features.memoryMB, ${memoryMB} MB`,
    advice:
      'Draw fewer patches or copies, freeze more parts (what is left is smaller), or set a larger training.features.memoryMB.',
  });
}

function namesOf(network: Network, imageShape: readonly number[]): string[] {
  const { parameters, norms } = declarationsOf(network, imageShape);
  return [...parameters, ...statisticsOf(norms)].map(({ name }) => name);
}

function hashOf(weights: Weights, names: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = weights[name]!.values;
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
