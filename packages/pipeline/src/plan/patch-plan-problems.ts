import { patchNetwork } from '../patches/patch-network.ts';
import { lastingTrunk, trunkParts } from './frozen-parts.ts';
import type { PatchPlan } from './patch-plan.ts';

/** What the schema of patch plans cannot say: fields that must fit each other. One plain sentence for each fault. */
export function findPatchContradictions(plan: PatchPlan): string[] {
  const { preprocess, network, training, labels } = plan;
  const { windowHU, channels } = preprocess;
  const { patchSize, augmentation, schedule } = training;
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const isRange = ([low, high]: readonly [number, number]) => low < high;

  expect(isRange(windowHU), `preprocess.windowHU is ${windowHU.join(' to ')}, expected the lower end first`);
  expect(
    network.inputChannels === channels.count,
    `network.inputChannels is ${network.inputChannels}, expected preprocess.channels.count ${channels.count}`,
  );
  expect(
    channels.source !== 'neighbours' || channels.count % 2 === 1,
    `preprocess.channels.count is ${channels.count}, expected an odd number for neighbours on both sides`,
  );
  const windows = channels.source === 'windows' ? channels.count : 0;
  expect(
    channels.windowsHU.length === windows,
    `preprocess.channels.windowsHU has ${channels.windowsHU.length} ranges, expected ${windows} for source ${channels.source} with count ${channels.count}`,
  );
  for (const window of channels.windowsHU) {
    expect(
      isRange(window) && window[0] >= windowHU[0] && window[1] <= windowHU[1],
      `preprocess.channels.windowsHU has ${window.join(' to ')}, expected a range inside preprocess.windowHU, ${windowHU.join(' to ')}`,
    );
  }
  expect(
    labels.every((label, index) => label.value === index) && labels.length === 3,
    `labels have the values ${labels.map((label) => label.value).join(', ')}, expected 0, 1, 2`,
  );
  expect(
    patchSize % 2 === 1,
    `training.patchSize is ${patchSize}, expected an odd number: a patch has a pixel in its middle`,
  );
  expect(
    network.head === 'pooled' || network.family.startsWith('vgg'),
    `network.head is ${network.head}, expected pooled: only vgg has the other`,
  );
  expect(
    (network.baseChannels !== null) === (network.family === 'patch-cnn'),
    `network.baseChannels is ${network.baseChannels}, expected ${network.family === 'patch-cnn' ? 'a number for patch-cnn' : `null for ${network.family}`}`,
  );
  expect(
    network.stages === undefined || network.family.startsWith('resnet'),
    `network.stages is ${network.stages}, expected nothing: only resnet has it`,
  );
  expect(
    network.pools === undefined || network.family === 'patch-cnn',
    `network.pools is ${network.pools?.join(', ')}, expected nothing: only patch-cnn has it`,
  );
  expect(
    network.padding === (network.family === 'patch-cnn' ? 'valid' : network.padding),
    `network.padding is ${network.padding}, expected valid: patch-cnn has no other form`,
  );
  expect(
    isRange(augmentation.contrast) && augmentation.contrast[0] > 0,
    `training.augmentation.contrast is ${augmentation.contrast.join(' to ')}, expected two positive numbers, the lower first`,
  );
  expect(
    training.classWeights.some((weight) => weight > 0),
    'training.classWeights are all 0, expected one above',
  );
  expect(
    schedule.warmupSteps < training.steps,
    `training.schedule.warmupSteps is ${schedule.warmupSteps}, expected fewer than training.steps ${training.steps}`,
  );
  if (problems.length > 0) return problems;

  const [smallest] = patchNetwork(network).smallestSize as [number];
  expect(
    patchSize >= smallest,
    `training.patchSize is ${patchSize}, expected at least ${smallest} for ${network.family} with padding ${network.padding}`,
  );
  const { features, transfer, hardNegatives } = training;
  const parts = trunkParts(network);
  expect(
    typeof transfer.frozenParts !== 'number' || transfer.frozenParts <= parts,
    `training.transfer.frozenParts is ${transfer.frozenParts}, expected at most ${parts} for ${network.family} (its parts before the head), or all`,
  );
  const many = training.windows ?? 1;
  expect(
    many === 1 || !features,
    `training.windows is ${many}, expected 1 with training.features: features are those of single patches`,
  );
  expect(
    many === 1 || plan.inference.mode === 'dense',
    `training.windows is ${many}, expected 1 with inference.mode ${plan.inference.mode}: only the dense form judges many windows at once`,
  );
  if (features) {
    expect(
      lastingTrunk(plan) > 0,
      'training.features needs first layers that never learn: set training.transfer.frozenParts to all, or to a number',
    );
    expect(
      hardNegatives.everyEpochs === 0,
      `training.hardNegatives.everyEpochs is ${hardNegatives.everyEpochs}, expected 0 with training.features: patches that are drawn once cannot follow the model`,
    );
  }
  return problems;
}
