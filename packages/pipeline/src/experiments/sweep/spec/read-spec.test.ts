import { describe, expect, test } from 'vitest';
import { parseSpec } from './read-spec.ts';

const sound = `
name: s
data: phantoms
split: { validation: B, test: C }
recipe: patch-small
set: { training.steps: 10 }
space:
  training.optimiser.learningRate: { loguniform: [1.0e-4, 1.0e-2] }
  training.batchSize: { choice: [8, 16] }
budget: { trials: 4 }
`;
const changed = (from: string, to: string) => {
  expect(sound).toContain(from);
  return sound.replace(from, to);
};

test('a sweep says what it leaves open', () => {
  const spec = parseSpec(sound, 's.yaml');
  expect(spec).toMatchObject({
    split: { validation: ['B'], test: ['C'] },
    sampler: { name: 'random', seed: 1, size: 4 },
    stopping: null,
    objective: 'lesionDice',
    threads: 1,
    recipes: { 'patch-small': { recipe: 'patch-small', set: {} } },
  });
  expect(spec.dimensions.map(({ name, kind }) => [name, kind])).toEqual([
    ['training.optimiser.learningRate', 'loguniform'],
    ['training.batchSize', 'choice'],
  ]);
});

test('several recipes are varied; fields may be set twice under conditions, and values have labels', () => {
  const { dimensions } = parseSpec(
    `
name: s
data: d
split: { validation: B }
recipes:
  cnn: { recipe: patch-small, set: { network.baseChannels: 8 } }
  res: { recipe: patch-resnet18, weights: ImageNet, set: { training.transfer.weights: w.safetensors } }
space:
  depth: { field: training.transfer.frozenParts, when: { recipe: res, training.transfer.weights: { not: null } }, choice: { none: 0, all: all } }
  network.dropout: { uniform: [0, 0.5] }
budget: { minutes: 5 }
sampler: { name: tpe, seed: 4 }
stopping: { method: asha }
`,
    's.yaml',
  );
  expect(dimensions.map(({ name, field }) => [name, field])).toEqual([
    ['recipe', 'recipe'],
    ['depth', 'training.transfer.frozenParts'],
    ['network.dropout', 'network.dropout'],
  ]);
});

describe('bad sweeps are refused, with the nearest name', () => {
  test.each([
    ['an unknown part', 'budget:', 'budgte:', 'budgte is no field of a sweep; did you mean budget?'],
    [
      'an unknown field of the plan',
      'training.batchSize',
      'training.batchsize',
      'Did you mean training.batchSize?',
    ],
    ['an unknown fixed field', 'training.steps', 'training.step', 'Did you mean training.steps?'],
    ['a derived field', 'training.batchSize', 'network.inputChannels', 'cannot be set'],
    [
      'an impossible value of a choice',
      '[8, 16]',
      '[8, -1]',
      'training.batchSize is -1, expected more than 0',
    ],
    ['an impossible end of a range', '[1.0e-4, 1.0e-2]', '[0, 1]', 'both above 0'],
    ['a range upside down', '[1.0e-4, 1.0e-2]', '[0.1, 0.01]', 'the smaller number first'],
    ['an unknown way to vary', 'loguniform', 'logunifrom', 'did you mean'],
    ['two ways to vary', '{ choice: [8, 16] }', '{ choice: [8], int: [1, 2] }', 'choice and int'],
    ['no way to vary', '{ choice: [8, 16] }', '{}', 'in one way'],
    ['an unknown recipe', 'recipe: patch-small', 'recipe: patch-smal', 'Did you mean patch-small?'],
    ['no recipe', 'recipe: patch-small', '', 'neither recipe nor recipes'],
    ['a value twice', '[8, 16]', '[8, 8]', '8 twice'],
    [
      'an unknown condition',
      '{ choice: [8, 16] }',
      '{ choice: [8, 16], when: { recipee: a } }',
      'Did you mean recipe?',
    ],
    [
      'a condition on a value that is not there',
      '{ choice: [8, 16] }',
      '{ choice: [8, 16], when: { recipe: patch-smal } }',
      'Did you mean patch-small?',
    ],
    ['a sweep without end', 'budget: { trials: 4 }', '', 'would never end'],
    [
      'an unknown sampler',
      'budget:',
      'sampler: { name: grit }\nbudget:',
      'sampler.name is "grit", expected "grid"',
    ],
    ['a grid of an open range', 'budget:', 'sampler: { name: grid }\nbudget:', 'without points'],
    ['no YAML', 'name: s', 'name: [s', 'no YAML'],
    ['a key twice', 'name: s', 'name: s\nname: t', 'unique'],
    ['patients that are no names', 'test: C', 'test: 3', 'split.test'],
  ])('%s', (_, from, to, message) => {
    expect(() => parseSpec(changed(from, to), 's.yaml')).toThrowError(
      expect.objectContaining({ code: 'sweep-invalid', message: expect.stringContaining(message) }),
    );
  });

  test('conditions in a circle', () => {
    const text = changed(
      'training.batchSize: { choice: [8, 16] }',
      'training.batchSize: { choice: [8, 16], when: { network.dropout: 0 } }\n  network.dropout: { choice: [0, 0.5], when: { training.batchSize: 8 } }',
    );
    expect(() => parseSpec(text, 's.yaml')).toThrowError(/circle/);
  });

  test.each(['', '[]', '3', 'null'])('%j', (text) => {
    expect(() => parseSpec(text, 's.yaml')).toThrowError(expect.objectContaining({ code: 'sweep-invalid' }));
  });
});
