import { declarationsOf, statisticsOf } from '@glisson/nn/training/declarations';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { writeSafetensors } from '@glisson/nn/weights/safetensors';
import { trainedOnKey } from '../../experiments/record/weights-origin.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { planHash } from '../../plan/plan-text.ts';

/**
 * All but the head of a trained classifier of patches as a safetensors file that others can start from: arrays have the names
 * of torchvision, where it has the network.
 * @param model model.onnx of the run
 * @param about what it was trained on ('phantoms', 'ImageNet'), as records of runs say it, and more that the file is to say
 */
export function backboneFile(
  plan: PatchPlan,
  model: Uint8Array,
  about: { readonly trainedOn: string } & Readonly<Record<string, string>>,
): Uint8Array {
  const { trainedOn, ...more } = about;
  const network = patchNetwork(plan.network);
  const { patchSize, seed, steps } = plan.training;
  const { parameters, norms } = declarationsOf(network, [1, network.inputChannels, patchSize, patchSize]);
  const head = network.parts!.at(-1)!.places;
  const isHead = (name: string) => head.some((place) => name.startsWith(`${place}.`));
  const weights = namedWeights(model);
  const names = [...parameters, ...statisticsOf(norms)]
    .map(({ name }) => name)
    .filter((name) => !isHead(name));
  return writeSafetensors({
    arrays: Object.fromEntries(names.map((name) => [name, weights[name]!])),
    metadata: {
      [trainedOnKey]: trainedOn,
      'glisson.network': network.name,
      'glisson.recipe': plan.recipe,
      'glisson.seed': String(seed),
      'glisson.steps': String(steps),
      'glisson.planHash': planHash(plan),
      ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`glisson.${key}`, value])),
    },
  });
}
