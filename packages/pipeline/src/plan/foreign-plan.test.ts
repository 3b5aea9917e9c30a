import { describe, expect, test } from 'vitest';
import { thresholdForeignPlan } from '../testing/foreign-models.ts';
import { parseForeignPlan } from './read-foreign-plan.ts';

type Json = Record<string, unknown>;

/** The plan as text with a field changed; undefined removes it. */
function changed(path: string, value: unknown): string {
  const copy = structuredClone(thresholdForeignPlan()) as Json;
  const parts = path.split('.');
  let target = copy;
  for (const part of parts.slice(0, -1)) target = target[part] as Json;
  if (value === undefined) delete target[parts.at(-1)!];
  else target[parts.at(-1)!] = value;
  return JSON.stringify(copy);
}

test('defaults are filled in: radiological slices, whole plan', () => {
  const plan = parseForeignPlan(JSON.stringify(thresholdForeignPlan()), 'p.json');
  expect(plan).toMatchObject({
    model: { file: null, sha256: null },
    input: { name: null, rows: 'P', columns: 'L', sliceSpacingMm: null, sliceSizePx: null },
    tile: { overlap: 0.5, mirror: false },
    output: { name: null },
    postprocess: { liverThreshold: 0.5, largestLiverOnly: true, minLesionMl: 0.01 },
  });
  expect(plan.input.channels).toEqual([
    { windowHU: [-160, 240], scaleTo: null, mean: 0, sd: 1, sliceOffset: 0 },
  ]);
  expect(parseForeignPlan(JSON.stringify(plan), 'p.json')).toEqual(plan);
});

describe('faults in plain words', () => {
  const one = (meaning: string) => [{ value: 0, meaning }];
  test.each([
    [
      'input.layout',
      'NCDHW',
      'expected "NCHW" or "NHWC" (networks of slices; those of 3-D patches cannot be run)',
    ],
    ['input.layout', undefined, 'input.layout is missing'],
    ['input.chanels', [], 'input.chanels is no field of a plan; did you mean input.channels?'],
    [
      'input.channels',
      [{ windowHu: [0, 1], windowHU: [0, 1], scaleTo: null }],
      'did you mean input.channels[0].windowHU?',
    ],
    [
      'input.channels',
      [{ windowHU: [240, -160], scaleTo: null }],
      'windowHU is 240 to -160, expected the lower end first',
    ],
    ['input.channels', [{ windowHU: [0, 1], scaleTo: [1, 1] }], 'expected two different numbers'],
    ['input.channels', [{ windowHU: [0, 1] }], 'input.channels[0].scaleTo is missing'],
    ['input.rows', 'L', 'expected one of P or A and one of L or R'],
    ['input.columns', 'S', 'input.columns is "S", expected "P" or "A" or "L" or "R"'],
    ['input.spacingMm', undefined, 'input.spacingMm is missing'],
    ['input.spacingMm', [0, 1], 'input.spacingMm[0] is 0, expected more than 0'],
    ['tile.size', [24, 18], 'expected multiples of tile.multipleOf, 4'],
    ['output.activation', 'relu', 'expected "softmax" or "sigmoid" or "none" or "labels"'],
    ['output.labels', [{ value: 1, meaning: 'liver' }], 'one entry for each channel: 0, 1, 2'],
    ['output.labels', one('lesion'), 'names no liver'],
    ['output.labels', [...one('liver'), { value: 1, meaning: 'whole-liver' }], 'both liver and whole-liver'],
    ['output.labels', one('tumour'), 'expected "background" or "liver"'],
    ['output.layout', 'NHW', 'no axis for the 3 channels'],
    ['output', { layout: 'NCHW', activation: 'softmax', labels: one('liver') }, 'always 1, expected sigmoid'],
    [
      'output',
      { layout: 'NHW', activation: 'labels', labels: [...one('liver'), ...one('lesion')] },
      'expected each once',
    ],
    ['model', { sha256: 'ABC' }, '64 hexadecimal digits'],
    ['postprocess.lesionThreshold', 2, 'expected at most 1'],
    ['name', '', 'name is "", expected at least 1'],
  ])('%s = %j', (path, value, message) => {
    expect(() => parseForeignPlan(changed(path, value), 'p.json')).toThrow(
      expect.objectContaining({ code: 'plan-invalid', message: expect.stringContaining(message) }),
    );
  });

  test('both ways to choose pixels at once', () => {
    const { input, ...rest } = thresholdForeignPlan();
    const both = { ...rest, input: { ...input, spacingMm: [1, 1], sliceSizePx: [64, 64] } };
    expect(() => parseForeignPlan(JSON.stringify(both), 'p.json')).toThrow(/one of them to be null/);
  });

  test.each([
    ['{', 'plan-invalid', /no JSON/],
    ['null', 'plan-invalid', /kind missing/],
    ['{"version": 1, "training": {}}', 'plan-invalid', /plan of a Glisson training.*--model RUN/],
    [changed('kind', 'else'), 'plan-invalid', /kind "else"/],
    [changed('version', 2), 'plan-version', /version 2.*version 1/],
    [changed('version', undefined), 'plan-version', /no version/],
  ])('%s', (text, code, message) => {
    expect(() => parseForeignPlan(text, 'p.json')).toThrow(expect.objectContaining({ code }));
    expect(() => parseForeignPlan(text, 'p.json')).toThrow(message);
    expect(() => parseForeignPlan(text, 'p.json')).toThrow(/p\.json/);
  });
});
