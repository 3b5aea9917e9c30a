import { describe, expect, test } from 'vitest';
import { noResults } from '../record/run-record.ts';
import { markdownText } from './markdown.ts';
import { fixtureRun } from './testing/fixture-run.ts';

const slow = fixtureRun('a');
const fast = fixtureRun('b', {
  fields: { ...slow.record.fields, 'training.optimiser.learningRate': 0.001, 'fingerprint.cases': 3 },
});

describe('Markdown', () => {
  test('is a table of what differs and what came out; what nobody has is no column', () => {
    expect(markdownText([slow, fast])).toBe(
      [
        '| Run | Recipe | First weights | Seed | training.optimiser.learningRate | Epoch | Validation lesion Dice | Validation cases | Test lesion Dice | Test cases |',
        '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| a | patch-small | phantoms | 7 | 1e-7 | 2 | 0.300 | 1 | 0.250 | 1 |',
        '| b | patch-small | phantoms | 7 | 0.001 | 2 | 0.300 | 1 | 0.250 | 1 |',
        '',
      ].join('\n'),
    );
  });

  test('marks test results of patients that chose something, and says who they are', () => {
    const text = markdownText([slow, fixtureRun('c', {}, ['patient-2'])]);
    expect(text).toContain('| 0.250 | 1 |\n');
    expect(text).toContain('| 0.250 † | 1 |\n');
    expect(text).toMatch(/\n† Not of unseen patients only: patient-2 chose .*\.\n$/);
  });

  test('text in it is no markup', () => {
    const name = 'a|b `c` <img src=x> _d_ *e* [f](g)\nh \\ ~~i~~';
    const [, , row] = markdownText([fixtureRun(name)]).split('\n');
    expect(row).toContain(
      '| a\\|b \\`c\\` \\<img src=x\\> \\_d\\_ \\*e\\* \\[f\\](g) h \\\\ \\~\\~i\\~\\~ |',
    );
  });

  test('tells of a run that failed, and that more settings differ than there is room for', () => {
    const fields = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`training.field${i}`, i]));
    const text = markdownText([slow, fixtureRun('d', { state: 'failed', results: noResults, fields })]);
    expect(text).toContain('| failed |');
    expect(text).toMatch(/\n\d+ more settings differ between these runs\.\n$/);
  });

  test('without runs there is a heading and nothing below', () => {
    expect(markdownText([])).toBe('| Run |\n| --- |\n');
  });
});
