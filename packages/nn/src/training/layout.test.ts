import { describe, expect, test } from 'vitest';
import { unet2d } from '../models/unet-2d.ts';
import { declarationsOf } from './declarations.ts';
import { type ParameterGroup, treatmentsOf } from './groups.ts';
import { layoutOf } from './layout.ts';

const network = unet2d({
  inputChannels: 1,
  classes: 2,
  baseChannels: 2,
  maxChannels: 4,
  levels: 2,
  convolutionsPerLevel: 1,
});
const declarations = declarationsOf(network);

function layout(groups: readonly ParameterGroup[], weightDecay: number) {
  return layoutOf(declarations, treatmentsOf(declarations.parameters, groups, weightDecay));
}

test('names, order and number of parameters; those that decay come first', () => {
  expect(declarations.parameters.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
    'encoder0.conv1.weight 2x1x3x3',
    'encoder1.conv1.weight 4x2x3x3',
    'up0.weight 4x2x2x2',
    'decoder0.conv1.weight 2x4x3x3',
    'head.weight 2x2x1x1',
    'encoder0.norm1.weight 2',
    'encoder0.norm1.bias 2',
    'encoder1.norm1.weight 4',
    'encoder1.norm1.bias 4',
    'up0.bias 2',
    'decoder0.norm1.weight 2',
    'decoder0.norm1.bias 2',
    'head.bias 2',
  ]);
  expect(declarations.parameterCount).toBe(18 + 72 + 32 + 72 + 4 + 4 + 8 + 2 + 4 + 2);
});

describe('segments', () => {
  test('one for what decays and one for what does not; one for both when nothing decays', () => {
    const [decaying, others] = layout([], 0.1).segments;
    expect(decaying).toMatchObject({
      size: 18 + 72 + 32 + 72 + 4,
      weightDecay: 0.1,
      learningRate: 1,
      since: 0,
    });
    expect(others).toMatchObject({ size: 4 + 8 + 2 + 4 + 2, weightDecay: 0 });
    expect(others!.parameters[1]).toEqual({ name: 'encoder0.norm1.bias', shape: [2], offset: 2, size: 2 });
    expect(layout([], 0).segments.map(({ size }) => size)).toEqual([declarations.parameterCount]);
    expect(layout([], 0).statisticCount).toBe(2 * (2 + 4 + 2));
  });

  test('the first group that names a parameter decides, by whole parts of dotted names', () => {
    const { segments, frozenParameters, frozenNorms, norms, frozenStatistics } = layout(
      [
        { names: ['encoder0'], frozen: true },
        { names: ['encoder0.conv1', 'encoder1.norm1.bias'], learningRate: 0.5 },
        { names: ['encoder1'], learningRate: 0.1, weightDecay: 0 },
      ],
      0.2,
    );
    expect(frozenParameters.map(({ name }) => name)).toEqual([
      'encoder0.conv1.weight',
      'encoder0.norm1.weight',
      'encoder0.norm1.bias',
    ]);
    expect(frozenNorms.map(({ name }) => name)).toEqual(['encoder0.norm1']);
    expect(frozenStatistics.map(({ name }) => name)).toEqual([
      'encoder0.norm1.running_mean',
      'encoder0.norm1.running_var',
    ]);
    expect(norms.map(({ name }) => name)).toEqual(['encoder1.norm1', 'decoder0.norm1']);
    const shown = segments.map(({ parameters, learningRate, weightDecay }) => ({
      names: parameters.map(({ name }) => name).join(' '),
      learningRate,
      weightDecay,
    }));
    expect(shown).toEqual([
      { names: 'encoder1.conv1.weight encoder1.norm1.weight', learningRate: 0.1, weightDecay: 0 },
      { names: 'up0.weight decoder0.conv1.weight head.weight', learningRate: 1, weightDecay: 0.2 },
      { names: 'encoder1.norm1.bias', learningRate: 0.5, weightDecay: 0 },
      {
        names: 'up0.bias decoder0.norm1.weight decoder0.norm1.bias head.bias',
        learningRate: 1,
        weightDecay: 0,
      },
    ]);
  });

  test('a norm of which only the gain is frozen is trained', () => {
    expect(layout([{ names: ['encoder0.norm1.weight'], frozen: true }], 0).frozenNorms).toEqual([]);
  });

  test.each([
    [{ names: ['encoder'] }, /'encoder'.*encoder0, encoder1, up0, decoder0, head/],
    [{ names: ['head'], learningRate: -1 }, /group 0: learningRate must be.*found -1/],
    [{ names: ['head'], weightDecay: Number.NaN }, /group 0: weightDecay must be.*found NaN/],
  ])('refuses %o', (group, message) => {
    expect(() => layout([group], 0)).toThrow(message);
  });
});
