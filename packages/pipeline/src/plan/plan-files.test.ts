import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { summariseCase } from '../fingerprint/case-summary.ts';
import { nearestName } from './nearest-name.ts';
import type { Plan } from './plan.ts';
import { canonicalJson, planHash, planJsonSchema, planText } from './plan-text.ts';
import { parsePlan, parsePlanText } from './read-plan.ts';
import { findRecipe } from './recipes/recipes.ts';
import { unet2dPlan } from './recipes/unet-2d.ts';
import { parseFields } from './set-fields.ts';

/** A scan of 200 x 200 x 2 voxels. */
function scan(spacing: number, slice = 4) {
  const geometry = {
    size: [200, 200, 2],
    spacing: [spacing, spacing, slice],
    origin: [0, 0, 0],
    direction: identityDirection,
  } as const;
  const voxels = Int16Array.from({ length: 80000 }, (_, i) => (i % 400) - 200);
  const labels = Uint8Array.from({ length: 80000 }, (_, i) => (i % 50 === 0 ? 2 : i % 3 === 0 ? 1 : 0));
  return summariseCase(
    `s${spacing}`,
    'p',
    createVolume(geometry, voxels),
    createLabelmap(geometry, labels, liverLabels),
  );
}

const split = { train: ['a'], validation: ['b'], test: [], patients: { a: 'A', b: 'B' } };

function planned(set: Record<string, string> = {}, spacing = 2): Plan {
  return unet2dPlan({ cases: [scan(spacing)], dataHash: 'data', split, set: parseFields(set) });
}

/** The plan as JSON with a field changed; undefined removes it. */
function broken(path: string, value: unknown): unknown {
  const copy = structuredClone(planned()) as unknown as Record<string, unknown>;
  const parts = path.split('.');
  let target = copy;
  for (const part of parts.slice(0, -1)) target = target[part] as Record<string, unknown>;
  if (value === undefined) delete target[parts.at(-1)!];
  else target[parts.at(-1)!] = value;
  return copy;
}

describe('parsePlan', () => {
  test('gives back what was written', () => {
    const plan = planned();
    expect(parsePlanText(planText(plan))).toEqual(plan);
  });

  test.each([
    ['version', 2, /version 2.*Expected|version 2/i],
    ['version', undefined, /no version/],
    ['version', '1', /version "1"/],
  ])('refuses another version (%s %s)', (path, value, message) => {
    expect(() => parsePlan(broken(path, value), 'm.onnx')).toThrowError(
      expect.objectContaining({ code: 'plan-version', message: expect.stringMatching(message) }),
    );
    expect(() => parsePlan(broken(path, value), 'm.onnx')).toThrowError(/m\.onnx/);
  });

  test.each([
    ['training.steps', undefined, 'training.steps is missing'],
    ['training.steps', 'many', 'training.steps is "many", expected a number'],
    ['training.steps', 2.5, 'training.steps is 2.5, expected a whole number'],
    ['training.steps', 0, 'training.steps is 0, expected more than 0'],
    ['training.stepz', 3, 'training.stepz is no field of a plan; did you mean training.steps?'],
    [
      'training.schedule.name',
      'linear',
      'training.schedule.name is "linear", expected "constant" or "polynomial" or "cosine"',
    ],
    ['preprocess.windowHU', [240, -160], 'expected the lower end first'],
    ['preprocess.windowHU', [1], 'preprocess.windowHU is [1], expected at least 2 entries'],
    ['preprocess.spacingMm', [1, -1], 'preprocess.spacingMm[1] is -1, expected more than 0'],
    ['training.patchSize', [100, 96], 'training.patchSize is 100 x 96, expected multiples of 16'],
    ['network.inputChannels', 5, 'network.inputChannels is 5, expected 3'],
    ['training.sampling.lesion', 0.9, 'adds up to 1.5, expected 1'],
    ['training.loss.classWeights', [1, 1], 'has 2 entries, expected 3'],
  ])('%s = %j: says so in plain words', (path, value, message) => {
    expect(() => parsePlan(broken(path, value))).toThrowError(
      expect.objectContaining({ code: 'plan-invalid', message: expect.stringContaining(message) }),
    );
  });

  test.each([['null'], ['[]'], ['"plan"'], ['{'], ['']])('refuses %s', (text) => {
    expect(() => parsePlanText(text, 'plan.json')).toThrowError(
      expect.objectContaining({ code: 'plan-invalid' }),
    );
  });
});

describe('recipe unet-2d', () => {
  test('chooses the spacing by the field of view, within limits', () => {
    expect(planned({}, 2).preprocess.spacingMm).toEqual([1.6, 1.6]);
    expect(planned({}, 0.5).preprocess.spacingMm).toEqual([1, 1]);
    expect(planned({}, 4).preprocess.spacingMm).toEqual([2.2, 2.2]);
  });

  test('what depends on a chosen field follows it', () => {
    const plan = planned({
      'preprocess.contextSlices': '2',
      'network.levels': '3',
      'preprocess.spacingMm': '5,5',
    });
    expect(plan.network.inputChannels).toBe(5);
    expect(plan.training.patchSize).toEqual([80, 80]);
    expect(planned({ 'preprocess.windowHU': '[-100, 100]' }).preprocess.meanHU).toBeGreaterThan(-100);
  });

  test('set fields arrive typed, wherever they are', () => {
    const plan = planned({
      'training.optimiser.learningRate': '3e-4',
      'inference.mirror': 'true',
      'training.schedule.name': 'cosine',
      'training.augmentation.flipProbability': '0,0',
    });
    expect(plan.training.optimiser.learningRate).toBe(3e-4);
    expect(plan.inference.mirror).toBe(true);
    expect(plan.training.schedule.name).toBe('cosine');
    expect(plan.training.augmentation.flipProbability).toEqual([0, 0]);
  });

  test('a field that may be absent is absent unless it is set', () => {
    expect(Object.hasOwn(planned().training, 'lesionDraw')).toBe(false);
    const plan = planned({ 'training.lesionDraw': 'lesion' });
    expect(parsePlanText(planText(plan)).training).toMatchObject({ lesionDraw: 'lesion' });
    expect(() => planned({ 'training.lesionDraw': 'slice' })).toThrowError(/training\.lesionDraw/);
  });

  test('contradicting fields are refused', () => {
    expect(() => planned({ 'training.patchSize': '100,100' })).toThrowError(/multiples of 16/);
  });

  test('scans without anything in the window are refused', () => {
    expect(() => planned({ 'preprocess.windowHU': '2000,3000' })).toThrowError(/nothing inside the window/);
  });

  test('unknown recipes name the known ones', () => {
    expect(() => findRecipe('unet2d')).toThrowError(/Did you mean unet-2d/);
    expect(() => findRecipe('toString')).toThrowError(expect.objectContaining({ code: 'option-invalid' }));
  });
});

describe('parseFields', () => {
  test.each([
    ['training.step', '5', 'Did you mean training.steps?'],
    ['steps', '5', 'The plan has no single field steps'],
    ['training', '5', 'training.steps'],
    ['training.steps', 'many', 'training.steps is "many", expected a number'],
    ['training.steps', '-1', 'expected more than 0'],
    ['preprocess.spacingMm', '1', 'Write lists as 1,2'],
    ['inference.mirror', 'yes', 'expected true or false'],
    ['fingerprint.cases', '3', 'It follows from the data'],
    ['network.inputChannels', '3', 'preprocess.contextSlices'],
    ['__proto__.polluted', '1', 'no single field'],
    ['toString', '1', 'no single field'],
  ])('%s=%s', (name, text, message) => {
    const set = JSON.parse(`{${JSON.stringify(name)}: ${JSON.stringify(text)}}`) as Record<string, string>;
    expect(() => parseFields(set)).toThrowError(
      expect.objectContaining({ code: 'option-invalid', message: expect.stringContaining(message) }),
    );
  });
});

test('the hash depends on values, not on the order of fields', () => {
  const plan = planned();
  const reversed = Object.fromEntries(Object.entries(plan).reverse()) as Plan;
  expect(planHash(reversed)).toBe(planHash(plan));
  expect(planHash({ ...plan, recipe: 'other' })).not.toBe(planHash(plan));
  expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
});

test('the JSON schema names every field', () => {
  const schema = planJsonSchema() as { properties: Record<string, unknown>; additionalProperties: boolean };
  expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(planned()).sort());
  expect(schema.additionalProperties).toBe(false);
});

test('nearest names forgive typing errors, not other words', () => {
  expect(nearestName('learningrate', ['learningRate', 'steps'])).toBe('learningRate');
  expect(nearestName('banana', ['learningRate', 'steps'])).toBeUndefined();
});
