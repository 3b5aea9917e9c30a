import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRunFile } from '../experiments/record/run-file.ts';
import { writeEllipses } from '../testing/write-ellipses.ts';
import { type TrainOptions, trainRun } from '../train/train-run.ts';
import { assertFoldsFit, changesSince } from './check-folds.ts';
import { createFolds } from './create-folds.ts';
import { dealPatients } from './deal-patients.ts';
import { foldSides } from './fold-sides.ts';
import { type Folds, foldsHash } from './folds.ts';
import { foldsFileOf, readFolds, writeFolds } from './folds-file.ts';

const hash = 'a'.repeat(64);

/** Folds of patients A, B, C ... with a case each and falling volumes of lesions; the last two have none. */
function madeFolds(patients: number, folds: number, seed = 1): Folds {
  const names = Array.from({ length: patients }, (_, n) => String.fromCharCode(65 + n));
  const burden = (n: number) => Math.max(0, patients - 2 - n);
  const list = names.map((patient, n) => ({ patient, lesionMl: burden(n) }));
  return {
    schema: 'glisson.folds/1',
    seed,
    stratifiedBy: 'lesionMl',
    folds: dealPatients(list, folds, seed),
    patients: Object.fromEntries(
      names.map((name, n) => [name, { cases: [`case-${name}`], lesionMl: burden(n) }]),
    ),
    files: Object.fromEntries(names.map((name) => [`case-${name}`, hash])),
  };
}

describe('dealing patients', () => {
  test('puts each into one fold, sizes differ by one at most, and the order of the list does not matter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 2, max: 10 }),
        fc.integer({ min: 0, max: 99 }),
        fc.boolean(),
        (count, wanted, seed, known) => {
          const folds = Math.min(count, wanted);
          const list = Array.from({ length: count }, (_, n) => ({
            patient: `P${n}`,
            lesionMl: known ? (n * 7) % 5 : null,
          }));
          const dealt = dealPatients(list, folds, seed);
          expect(dealt.flat().sort()).toEqual(list.map(({ patient }) => patient).sort());
          const sizes = dealt.map((fold) => fold.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          expect(dealPatients([...list].reverse(), folds, seed)).toEqual(dealt);
        },
      ),
    );
  });

  test('makes folds alike in the volume of lesions, as chance alone does not', () => {
    const list = Array.from({ length: 20 }, (_, n) => ({
      patient: `P${n + 10}`,
      lesionMl: n < 4 ? 100 + n : n % 3,
    }));
    for (let seed = 0; seed < 30; seed++) {
      const large = (folds: string[][]) =>
        folds.map((fold) => fold.filter((patient) => Number(patient.slice(1)) < 14).length);
      expect(large(dealPatients(list, 4, seed))).toEqual([1, 1, 1, 1]);
    }
    const chance = list.map(({ patient }) => ({ patient, lesionMl: null }));
    const dealt = Array.from({ length: 30 }, (_, seed) => dealPatients(chance, 4, seed));
    expect(new Set(dealt.map((folds) => JSON.stringify(folds))).size).toBeGreaterThan(25);
  });

  test('leaves one patient out in order of name when there are as many folds', () => {
    expect(madeFolds(4, 4).folds).toEqual([['A'], ['B'], ['C'], ['D']]);
  });

  test.each([
    [1, 5],
    [6, 5],
    [2, 1],
    [2.5, 5],
  ])('refuses %f folds of %i patients', (folds, patients) => {
    expect(() => madeFolds(patients, folds)).toThrowError(
      expect.objectContaining({ code: 'split-impossible' }),
    );
  });
});

describe('sides of a fold', () => {
  test('the fold validates; with inner patients it tests, and others validate, the same for every training seed', () => {
    const folds = madeFolds(8, 4);
    for (let fold = 1; fold <= 4; fold++) {
      const held = folds.folds[fold - 1]!;
      expect(foldSides(folds, { fold })).toEqual({ validation: held, test: [] });
      const inner = foldSides(folds, { fold, innerPatients: 2 });
      expect(inner.test).toEqual(held);
      expect(inner.validation).toHaveLength(2);
      for (const patient of inner.validation) {
        expect(held).not.toContain(patient);
        expect(folds.patients[patient]!.lesionMl).toBeGreaterThan(0);
      }
      expect(foldSides(folds, { fold, innerPatients: 2 })).toEqual(inner);
    }
  });

  test.each([
    [{ fold: 0 }, 'option-invalid'],
    [{ fold: 5 }, 'option-invalid'],
    [{ fold: 1, innerPatients: 0 }, 'split-impossible'],
    [{ fold: 1, innerPatients: 6 }, 'split-impossible'],
  ])('%o is refused', (choice, code) => {
    expect(() => foldSides(madeFolds(8, 4), choice)).toThrowError(expect.objectContaining({ code }));
  });
});

describe('a changed data set', () => {
  const folds = madeFolds(3, 3);
  const cases = ['A', 'B', 'C'].map((patient) => ({ id: `case-${patient}`, patient, hash }));

  test('is refused with what has changed', () => {
    expect(changesSince(folds, cases)).toEqual([]);
    expect(changesSince(folds, [...cases].reverse())).toEqual([]);
    const changed = [
      { ...cases[0]!, hash: 'b'.repeat(64) },
      { ...cases[1]!, patient: 'A' },
      { id: 'case-X', patient: 'X', hash },
    ];
    expect(changesSince(folds, changed)).toEqual([
      'case-C is gone',
      'the files of case-A have changed',
      'case-B was of patient B and is now of patient A',
      'case-X is new',
    ]);
    expect(() => assertFoldsFit(folds, changed, 'x.json')).toThrowError(
      expect.objectContaining({ code: 'data-changed', message: expect.stringContaining('case-X is new') }),
    );
    const many = Array.from({ length: 12 }, (_, n) => ({ id: `${n}`, patient: 'P', hash }));
    expect(() => assertFoldsFit(folds, [...cases, ...many], 'x.json')).toThrowError(/and 4 more/);
  });
});

describe('folds on disk', () => {
  let root: string;
  let data: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'glisson-folds-'));
    data = join(root, 'data');
    await mkdir(data);
    for (const n of [0, 1, 2, 3]) await writeEllipses(data, n);
    await writeFile(join(data, 'patients.csv'), 'case,patient\n0,A\n1,A\n2,B\n3,C\n');
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const read = async (json: unknown) => {
    const file = join(root, 'made.json');
    await writeFile(file, typeof json === 'string' ? json : JSON.stringify(json));
    return readFolds(file);
  };

  test('come back as they were written, and their hash knows every patient and file', async () => {
    const folds = madeFolds(6, 3);
    const file = join(root, 'written.json');
    await writeFolds(file, folds);
    expect(await readFolds(file)).toEqual(folds);
    expect(foldsHash(await readFolds(file))).toBe(foldsHash(folds));
    expect(foldsHash(madeFolds(6, 3, 2))).not.toBe(foldsHash(folds));
    expect(foldsHash({ ...folds, files: { ...folds.files, 'case-A': 'b'.repeat(64) } })).not.toBe(
      foldsHash(folds),
    );
    expect(foldsFileOf('/x/liver')).toBe('/x/liver.folds.json');
    expect(foldsFileOf('/x/cases.csv')).toBe('/x/cases.folds.json');
  });

  test('a patient in two folds is refused by name', async () => {
    const folds = madeFolds(4, 4);
    await expect(read({ ...folds, folds: [['A'], ['B'], ['C'], ['D', 'A']] })).rejects.toMatchObject({
      code: 'split-impossible',
      message: expect.stringContaining('A in folds 1 and 4'),
    });
  });

  test.each([
    ['no JSON', '{', /JSON/],
    ['another schema', { ...madeFolds(4, 4), schema: 'glisson.folds/2' }, /schema/],
    ['an unknown field', { ...madeFolds(4, 4), more: 1 }, /more/],
    ['a patient without cases', { ...madeFolds(4, 4), patients: {} }, /no case is known/],
    ['a patient in no fold', { ...madeFolds(4, 4), folds: [['A'], ['B'], ['C']] }, /D lies in no fold/],
    ['a case without hash', { ...madeFolds(4, 4), files: {} }, /no hash/],
    ['an empty fold', { ...madeFolds(4, 4), folds: [['A'], []] }, /folds/],
  ])('%s is refused', async (_, json, message) => {
    await expect(read(json)).rejects.toMatchObject({
      code: 'folds-invalid',
      message: expect.stringMatching(message),
    });
  });

  test('are made of a data set, train a fold, are named in its run, and refuse other data', async () => {
    const cache = join(root, 'cache');
    const folds = await createFolds(data, { folds: 3, seed: 1, cache });
    expect(folds.stratifiedBy).toBe('lesionMl');
    expect(folds.folds).toEqual([['A'], ['B'], ['C']]);
    expect(folds.patients.A!.cases).toHaveLength(2);
    expect(folds.patients.A!.lesionMl).toBeGreaterThan(0);
    expect(await createFolds(data, { folds: 3, seed: 1, cache })).toEqual(folds);
    const file = join(root, 'folds.json');
    await writeFolds(file, folds);

    const options: TrainOptions = {
      data,
      out: join(root, 'run'),
      threads: 1,
      cache,
      folds: file,
      fold: 2,
      set: {
        'preprocess.spacingMm': '5,5',
        'network.baseChannels': '2',
        'network.levels': '2',
        'training.patchSize': '16,16',
        'training.batchSize': '2',
        'training.steps': '2',
        'training.stepsPerEpoch': '2',
        'training.validationSlices': '2',
      },
    };
    const { plan } = await trainRun(options);
    expect(plan.split.validation.map((id) => plan.split.patients[id])).toEqual(['B']);
    expect(plan.split.test).toEqual([]);
    expect((await readRunFile(options.out))?.foldsHash).toBe(foldsHash(folds));

    const inner = await trainRun({ ...options, out: join(root, 'inner'), fold: 1, innerValidation: 1 });
    expect(inner.plan.split.test).toEqual(folds.patients.A!.cases);
    expect(inner.plan.split.validation).toHaveLength(1);

    for (const wrong of [
      { fold: undefined },
      { validation: ['A'] },
      { test: ['A'] },
      { fold: 4 },
      { folds: undefined, fold: undefined, innerValidation: 1 },
    ]) {
      await expect(trainRun({ ...options, out: join(root, 'never'), ...wrong })).rejects.toMatchObject({
        code: 'option-invalid',
      });
    }
    await appendFile(join(data, 'patients.csv'), '\n');
    await writeFile(
      join(data, 'patients.csv'),
      (await readFile(join(data, 'patients.csv'), 'utf8')).replace('3,C', '3,B'),
    );
    await expect(trainRun({ ...options, out: join(root, 'never') })).rejects.toMatchObject({
      code: 'data-changed',
      message: expect.stringContaining('was of patient C and is now of patient B'),
    });
  });
});
