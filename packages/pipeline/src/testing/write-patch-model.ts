import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights } from '@glisson/nn/training/initialise';
import { summariseCase } from '../fingerprint/case-summary.ts';
import { patchNetwork } from '../patches/patch-network.ts';
import type { PatchPlan } from '../plan/patch-plan.ts';
import { planText } from '../plan/plan-text.ts';
import { findRecipe } from '../plan/recipes/recipes.ts';
import { parseFields } from '../plan/set-fields.ts';
import { planMetadataKey } from '../predict/load-model.ts';

/**
 * Writes a classifier of patches with drawn weights, as a training on one scan would have left it: for tests.
 * @param fields of the plan, by dotted name
 * @param headScale what the drawn weights of the last layer are multiplied by: without trained norms deep networks are too sure
 * @returns path of the model file
 */
export function writePatchModel(
  folder: string,
  name: string,
  volume: Volume,
  recipe: string,
  fields: Readonly<Record<string, string>>,
  headScale = 1,
): string {
  const labels = createLabelmap(volume.geometry, new Uint8Array(volume.voxels.length).fill(1), liverLabels);
  const { plan: planOf, schema } = findRecipe(recipe);
  const split = { train: ['a'], validation: ['a'], test: [], patients: { a: 'A' } };
  const cases = [summariseCase('a', 'A', volume, labels)];
  const plan = planOf({ cases, dataHash: 'data', split, set: parseFields(fields, schema) }) as PatchPlan;
  const network = patchNetwork(plan.network);
  const random = createRandom(1, 'weights');
  const drawn = initialWeights(network, declarationsOf(network), { random });
  const head = Object.keys(drawn).find((name) => /^(head|fc|classifier)\.weight$/.test(name))!;
  const weights = {
    ...drawn,
    [head]: { ...drawn[head]!, values: drawn[head]!.values.map((value) => headScale * value) },
  };
  const imageShape = [1, network.inputChannels, plan.training.patchSize, plan.training.patchSize];
  const metadata = { [planMetadataKey]: planText(plan) };
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, exportModel({ network, weights, imageShape, metadata, named: true }));
  return path;
}
