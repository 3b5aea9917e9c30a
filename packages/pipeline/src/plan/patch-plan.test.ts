import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { summariseCase } from '../fingerprint/case-summary.ts';
import { isPatchPlan } from './any-plan.ts';
import type { PatchPlan } from './patch-plan.ts';
import { patchPlanJsonSchema, planText } from './plan-text.ts';
import { parsePlan, parsePlanText } from './read-plan.ts';
import { patchRecipes } from './recipes/patch-recipes.ts';
import { findRecipe } from './recipes/recipes.ts';
import { parseFields } from './set-fields.ts';

const geometry = {
  size: [20, 20, 2],
  spacing: [1, 1, 4],
  origin: [0, 0, 0],
  direction: identityDirection,
} as const;
const voxels = Int16Array.from({ length: 800 }, (_, i) => (i % 400) - 200);
const labels = Uint8Array.from({ length: 800 }, (_, i) => (i % 50 === 0 ? 2 : i % 3 === 0 ? 1 : 0));
const summary = summariseCase(
  's',
  'p',
  createVolume(geometry, voxels),
  createLabelmap(geometry, labels, liverLabels),
);
const split = { train: ['a'], validation: ['b'], test: [], patients: { a: 'A', b: 'B' } };

function planned(recipe = 'patch-small', set: Record<string, string> = {}): PatchPlan {
  const { plan, schema } = findRecipe(recipe);
  const made = plan({ cases: [summary], dataHash: 'data', split, set: parseFields(set, schema) });
  if (!isPatchPlan(made)) throw new Error('not a patch plan');
  return made;
}

describe('plans of patches', () => {
  test.each(Object.keys(patchRecipes))('%s makes a plan that can be read again', (recipe) => {
    const plan = planned(recipe);
    expect(parsePlanText(planText(plan))).toEqual(plan);
    expect(plan.recipe).toBe(recipe);
    expect(plan.preprocess.padding.pixels).toBe((plan.training.patchSize - 1) / 2);
  });

  test('the published settings: 257 px, padding 128, VGG16 with two wide layers and dropout 0.5', () => {
    const plan = planned('patch-vgg16');
    expect(plan.training.patchSize).toBe(257);
    expect(plan.preprocess.padding.pixels).toBe(128);
    expect(plan.network).toMatchObject({ family: 'vgg16', head: 'fc', dropout: 0.5 });
    expect(plan.preprocess.spacingMm).toBeNull();
  });

  test('what depends on a set value follows it', () => {
    const plan = planned('patch-resnet18', { 'training.patchSize': '129', 'preprocess.channels.count': '1' });
    expect(plan.preprocess.padding.pixels).toBe(64);
    expect(plan.network.inputChannels).toBe(1);
    expect(planned('patch-small', { 'training.small.trainingSlices': '2' }).training.small).toEqual({
      trainingSlices: 2,
      validationSlices: 1,
    });
    expect(planned('patch-vgg16', { 'network.family': 'densenet40' }).network).toMatchObject({
      head: 'pooled',
      dropout: 0.5,
    });
  });

  test('kept features come with frozen layers and without hard negatives', () => {
    const plan = planned('patch-resnet18', { 'training.features.patches': '3000' });
    expect(plan.training.features).toEqual({ patches: 3000, copies: 0, memoryMB: 1000 });
    expect(plan.training.transfer.frozenParts).toBe('all');
    expect(plan.training.hardNegatives.everyEpochs).toBe(0);
    expect(planned('patch-resnet18').training.features).toBeNull();
    const all = { 'training.features.patches': '9', 'training.transfer.frozenParts': '2' };
    expect(planned('patch-resnet18', all).training.transfer.frozenParts).toBe(2);
  });

  test('DenseNet-40-12 gets grey values of 0 to 255, as its weights know them', () => {
    const { preprocess } = planned('patch-densenet121', { 'network.family': 'densenet40' });
    expect([preprocess.mean, 1 / preprocess.sd]).toEqual([0, 255]);
  });

  test.each([
    ['training.transfer.frozenParts', '9', /at most 4 for patch-cnn/],
    ['training.features.copies', '-1', /features\.copies/],
    ['training.patchSize', '64', /odd/],
    ['training.patchSize', '41', /at least 65/],
    ['training.stride', '0', /training\.stride/],
    ['inference.outputStride', '0', /inference\.outputStride/],
    ['training.step', '5', /training\.steps/],
    ['training.transfer.sha256', 'abc', /transfer\.weights/],
    ['network.inputChannels', '3', /channels\.count/],
    ['network.head', 'fc', /only vgg/],
    ['network.padding', 'same', /no other form/],
    ['network.baseChannels', 'null', /baseChannels/],
    ['preprocess.windowHU', '240,-160', /lower end first/],
    ['preprocess.channels.source', 'windows', /windowsHU/],
    ['preprocess.channels.count', '2', /odd number/],
    ['training.classWeights', '0,0', /classWeights/],
  ])('refuses %s=%s', (name, value, message) => {
    const more: Record<string, string> =
      name === 'preprocess.channels.count' ? { 'preprocess.channels.source': 'neighbours' } : {};
    expect(() => planned('patch-small', { [name]: value, ...more })).toThrowError(message);
  });

  test('an unknown field is named with the nearest known one', () => {
    const plan = planned() as unknown as Record<string, Record<string, unknown>>;
    const broken = { ...plan, inference: { ...plan.inference, outputstride: 3 } };
    expect(() => parsePlan(broken)).toThrowError(/inference\.outputstride is no field.*outputStride/s);
    expect(() => parsePlan({ ...plan, network: { ...plan.network, family: 'vgg17' } })).toThrowError(
      /network/,
    );
  });

  test('has a JSON schema', () => {
    expect(JSON.stringify(patchPlanJsonSchema())).toContain('outputStride');
  });
});
