import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fullFieldName } from './field-names.ts';
import { matchesWhere } from './matches-where.ts';
import { parseWhere } from './parse-where.ts';
import { printWhere } from './print-where.ts';
import { parseSort } from './sort-order.ts';
import { anyWhere } from './testing/arbitrary-where.ts';

const run = {
  recipe: 'patch-vgg16',
  lr: 0.0005,
  'split.test': '3',
  started: '2026-01-31T10:00:00Z',
  mirror: false,
};
const holds = (text: string) => matchesWhere(run, parseWhere(text));

describe('parseWhere', () => {
  test('reads what it prints', () => {
    fc.assert(
      fc.property(anyWhere(), (where) => {
        expect(parseWhere(printWhere(where))).toEqual(where);
      }),
    );
  });

  test('any text is read or refused with its place', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseWhere(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'option-invalid' });
        }
      }),
    );
  });

  test.each([
    ['recipe=patch-vgg16 and lr<1e-3', true],
    ['recipe=patch-vgg16 and lr<1e-4', false],
    ['recipe==patch-vgg16', true],
    ['lr = 5e-4', true],
    ['lr >= 0.0005 and lr <= .0005', true],
    ['lr < abc or lr = abc', false],
    ['lr != abc', true],
    ['recipe ~ VGG', true],
    ['recipe ~ "resnet"', false],
    ['recipe in (patch-small, patch-vgg16)', true],
    ['recipe not in (patch-small, patch-vgg16)', false],
    ['not recipe=patch-small and lr<1', true],
    ['recipe=a or recipe=b and lr<1', false],
    ['(recipe=a or recipe=patch-vgg16) and lr<1', true],
    ['NOT (lr < 1 AND recipe ~ x)', true],
    ['split.test = 3', true],
    ["split.test = '3'", true],
    ["lr = '0.0005'", false],
    ['started > 2026-01-01', true],
    ['mirror = false', true],
    ['dropout = none', true],
    ['dropout != none', false],
    ['dropout != 5', false],
    ['dropout < 5', false],
    ['lr != none', true],
  ])('%s: %s', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  test.each([
    ['', 'the end', 'the name of a field'],
    ['lr', 'the end', 'one of ='],
    ['lr <', 'the end', 'a value'],
    ['lr < 1 recipe = a', "'recipe'", 'and, or or the end'],
    ['(lr < 1', 'the end', 'and, or or )'],
    ['lr ! 1', "'!'", '!='],
    ["recipe = 'a", `'''`, "a second '"],
    ['recipe in a', "'a'", '( after in'],
    ['recipe in (a b)', "'b'", ', or )'],
    ['lr < none', "'none'", 'none goes with'],
    ['and = 3', "'and'", 'the name of a field'],
    [`${'('.repeat(300)}a=1`, "'('", 'at most 200'],
    [Array.from({ length: 500 }, () => 'a=1').join(' or '), "'a'", 'at most 400'],
  ])('%s is refused', (text, found, expected) => {
    try {
      parseWhere(text);
      expect.unreachable();
    } catch (error) {
      const { explanation } = error as { explanation: { found: string; expected: string; where: string } };
      expect(explanation.found).toBe(found);
      expect(explanation.expected).toContain(expected);
      expect(explanation.where).toMatch(/at character \d+$/);
    }
  });
});

describe('fullFieldName', () => {
  const known = new Set(['training.optimiser.beta1', 'training.sampling.lesion', 'other.sampling.lesion']);
  const full = (name: string) => fullFieldName(name, known, () => ['network.levels'], '--where');

  test('takes whole names, short names and ends of names', () => {
    expect(full('training.optimiser.beta1')).toBe('training.optimiser.beta1');
    expect(full('lr')).toBe('training.optimiser.learningRate');
    expect(full('dice')).toBe('validationLesionDice');
    expect(full('beta1')).toBe('training.optimiser.beta1');
    expect(full('levels')).toBe('network.levels');
  });

  test('refuses unknown names with the nearest, and ends of several names', () => {
    expect(() => full('recip')).toThrow('Did you mean recipe?');
    expect(() => full('training.optimiser.beta2')).toThrow('Did you mean training.optimiser.beta1?');
    expect(() => full('sampling.lesion')).toThrow('other.sampling.lesion');
  });
});

test('parseSort reads a field and its direction', () => {
  expect(parseSort('dice')).toEqual({ field: 'dice', descending: false });
  expect(parseSort('dice:desc')).toEqual({ field: 'dice', descending: true });
  for (const text of ['', ':desc', 'dice:down', 'a:b:c']) expect(() => parseSort(text)).toThrow('order');
});
