import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import type { Plan } from './plan.ts';
import { fieldNamesAt } from './plan-fields.ts';

function dotted(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${String(part)}`;
  }
  return text === '' ? 'the plan' : text;
}

const kinds: Record<string, string> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** One plain sentence for each fault that a schema (default: that of plans) found in `input`. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  schema?: z.ZodType,
): string[] {
  return issues.flatMap((issue) => {
    const where = dotted(issue.path);
    const found = valueAt(input, issue.path);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => {
          const near = nearestName(key, fieldNamesAt(issue.path, schema));
          const hint = near === undefined ? '' : `; did you mean ${dotted([...issue.path, near])}?`;
          return `${dotted([...issue.path, key])} is no field of a plan${hint}`;
        });
      case 'invalid_type':
        if (found === undefined) return [`${where} is missing`];
        return [`${where} is ${shown(found)}, expected ${kinds[issue.expected] ?? issue.expected}`];
      case 'too_small': {
        const bound = `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
        return [
          `${where} is ${shown(found)}, expected ${bound}${issue.origin === 'array' ? ' entries' : ''}`,
        ];
      }
      case 'too_big': {
        const bound = `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
        return [
          `${where} is ${shown(found)}, expected ${bound}${issue.origin === 'array' ? ' entries' : ''}`,
        ];
      }
      case 'invalid_value':
        return [
          `${where} is ${found === undefined ? 'missing' : shown(found)}, expected ${issue.values.map((v) => shown(v)).join(' or ')}`,
        ];
      default:
        return [`${where}: ${issue.message}`];
    }
  });
}

/** What the schema cannot say: fields that must fit each other. One plain sentence for each fault. */
export function findContradictions(plan: Plan): string[] {
  const problems: string[] = [];
  const require = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const { preprocess, network, training, inference, labels } = plan;
  const ordered = ([low, high]: readonly [number, number]) => low <= high;
  require(preprocess.windowHU[0] <
    preprocess
      .windowHU[1], `preprocess.windowHU is ${preprocess.windowHU.join(' to ')}, expected the lower end first`);
  require(network.inputChannels ===
    2 * preprocess.contextSlices +
      1, `network.inputChannels is ${network.inputChannels}, expected ${2 * preprocess.contextSlices + 1} for ` +
    `preprocess.contextSlices ${preprocess.contextSlices}`);
  require(network.classes ===
    labels.length, `network.classes is ${network.classes}, expected ${labels.length}, one for each label`);
  require(labels.every(
    (label, index) => label.value === index,
  ), `labels have the values ${labels.map((label) => label.value).join(', ')}, expected 0, 1, 2 and so on in order`);
  require(training.loss.classWeights.length ===
    network.classes, `training.loss.classWeights has ${training.loss.classWeights.length} entries, expected ${network.classes}`);
  require(training.loss.crossEntropyWeight + training.loss.diceWeight >
    0, 'training.loss weighs neither cross-entropy nor Dice, expected at least one above 0');
  require(network.baseChannels <=
    network.maxChannels, `network.maxChannels is ${network.maxChannels}, expected at least network.baseChannels ${network.baseChannels}`);
  const factor = 2 ** (network.levels - 1);
  for (const [name, size] of [
    ['training.patchSize', training.patchSize],
    ['inference.tileSize', inference.tileSize],
  ] as const) {
    require(size.every(
      (n) => n % factor === 0,
    ), `${name} is ${size.join(' x ')}, expected multiples of ${factor} for ${network.levels} levels`);
  }
  const { lesion, liver, anywhere } = training.sampling;
  require(Math.abs(lesion + liver + anywhere - 1) <
    1e-6, `training.sampling adds up to ${Number((lesion + liver + anywhere).toFixed(6))}, expected 1`);
  const { scale, contrast } = training.augmentation;
  require(ordered(scale) &&
    scale[0] >
      0, `training.augmentation.scale is ${scale.join(' to ')}, expected two positive numbers, the lower first`);
  require(ordered(contrast) &&
    contrast[0] >
      0, `training.augmentation.contrast is ${contrast.join(' to ')}, expected two positive numbers, the lower first`);
  return problems;
}
