import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
// @ts-expect-error plain JavaScript without types
import { cellsOf, notebookOf } from '../tools/notebook.mjs';

const folder = new URL('../examples/notebooks/', import.meta.url);

test('the notebook holds the same code and text as the script, and no outputs', () => {
  const script = readFileSync(new URL('liver-tumours.ts', folder), 'utf8');
  const notebook = JSON.parse(readFileSync(new URL('liver-tumours.ipynb', folder), 'utf8'));
  expect(notebook, 'node tools/notebook.mjs --write writes it anew').toEqual(notebookOf(cellsOf(script)));
  expect(notebook.cells.length).toBeGreaterThan(10);
});

test('cells begin at their marks, and text loses its comment signs', () => {
  expect(cellsOf('// %% [markdown]\n// # A\n//\n// b\n\n// %%\nconst a = 1;\n// %% \n// c\n')).toEqual([
    { type: 'markdown', source: '# A\n\nb' },
    { type: 'code', source: 'const a = 1;' },
    { type: 'code', source: '// c' },
  ]);
});

test('the script runs from inspecting to segmenting', async () => {
  const said: string[] = [];
  const log = console.log;
  console.log = (...parts: unknown[]) => said.push(parts.join(' '));
  try {
    await import('../examples/notebooks/liver-tumours.ts');
  } finally {
    console.log = log;
  }
  const text = said.join('\n');
  expect(text).toMatch(/windows, \d+ with a lesion in the middle/);
  expect(text).toMatch(/brisk: best epoch \d+/);
  expect(text).toMatch(/verdict: (sound|stalled|overfitting)/);
  expect(Number(/liver: Dice ([\d.]+)/.exec(text)![1])).toBeGreaterThan(0.6);
});
