import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitByPatient } from './split.ts';

const cases = ['A', 'A', 'C', 'D', 'E', 'F', 'F'].map((patient, i) => ({ id: `case-${i}`, patient }));

describe('splitByPatient', () => {
  test('no patient is on two sides and no case is lost, whatever is drawn', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 3, maxLength: 30 }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.boolean(),
        (owners, seed, holdOut) => {
          const drawn = owners.map((owner, i) => ({ id: `c${i}`, patient: `p${owner}` }));
          const patients = [...new Set(drawn.map((c) => c.patient))];
          fc.pre(patients.length >= 3);
          const split = splitByPatient(drawn, { seed, test: holdOut ? [patients[0]!] : [] });
          const sides = [split.train, split.validation, split.test].map(
            (ids) => new Set(ids.map((id) => split.patients[id])),
          );
          for (const patient of patients) expect(sides.filter((s) => s.has(patient)).length).toBe(1);
          const all = [...split.train, ...split.validation, ...split.test];
          expect(all.sort()).toEqual(drawn.map((c) => c.id).sort());
          expect(split.train.length).toBeGreaterThan(0);
          expect(split.validation.length).toBeGreaterThan(0);
          expect(split.test.length > 0).toBe(holdOut);
        },
      ),
    );
  });

  test('takes all scans of a named patient', () => {
    const split = splitByPatient(cases, { seed: 1, validation: ['A'], test: ['F'] });
    expect(split.validation).toEqual(['case-0', 'case-1']);
    expect(split.test).toEqual(['case-5', 'case-6']);
    expect(split.train).toEqual(['case-2', 'case-3', 'case-4']);
  });

  test('the seed decides, and the order of cases does not', () => {
    const side = (seed: number, list = cases) => splitByPatient(list, { seed }).validation.sort();
    expect(side(3)).toEqual(side(3, [...cases].reverse()));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => side(seed).join())).size).toBeGreaterThan(1);
  });

  test.each([
    ['one patient only', cases.slice(0, 2), {}, /No patient is left to train on/],
    ['all patients held out', cases, { test: ['A', 'C', 'D', 'E', 'F'] }, /No patient is left/],
    [
      'nobody left to train on',
      cases,
      { validation: ['A', 'C'], test: ['D', 'E', 'F'] },
      /No patient is left/,
    ],
    ['a patient on two sides', cases, { validation: ['A'], test: ['A'] }, /on two sides/],
    ['an unknown patient', cases, { test: ['G'] }, /not in the data/],
    ['a case twice', [...cases, cases[0]!], {}, /listed twice/],
  ])('refuses %s', (_, list, choice, message) => {
    expect(() => splitByPatient(list, { seed: 1, ...choice })).toThrowError(
      expect.objectContaining({ code: 'split-impossible', message: expect.stringMatching(message) }),
    );
  });
});
