import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRun } from '@glisson/pipeline/testing/made-run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VerbContext } from '../verb.ts';
import { curveAction } from './curve-action.ts';

let root: string;
const context: VerbContext = { json: false, control: {}, note: () => {} };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-curve-action-'));
  for (const name of ['first', 'second']) await makeRun(join(root, 'runs', name));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('runs curve', () => {
  test('shows runs by folder or by name in the store', async () => {
    const runs = join(root, 'runs');
    const { text } = await curveAction([join(runs, 'first')], {}, context);
    expect(text).toMatch(/^first\nLoss .*Dice of lesions/);
    expect(text).toContain('Best: epoch 3, validation Dice of lesions 0.700.');
    const both = await curveAction(['first', 'second'], { runs }, { ...context, json: true });
    expect(both.json).toMatchObject({
      curves: [
        { name: 'first', bestEpoch: 3, verdict: { kind: 'too-short' } },
        { name: 'second', bestEpoch: 3 },
      ],
    });
    await expect(curveAction(['firs'], { runs }, context)).rejects.toMatchObject({ code: 'run-invalid' });
  });

  test('writes a page and a picture, and replaces nothing without being told', async () => {
    const [html, svg] = [join(root, 'curves.html'), join(root, 'curves.svg')];
    const first = join(root, 'runs', 'first');
    const { text } = await curveAction([first], { html, svg }, context);
    expect(text).toContain(`Written to ${html}.`);
    expect(await readFile(html, 'utf8')).toMatch(/^<!doctype html>/);
    expect(await readFile(svg, 'utf8')).toMatch(/^<svg /);
    await expect(curveAction([first], { html }, context)).rejects.toMatchObject({ code: 'already-exists' });
    await curveAction([first], { html, force: true }, context);
  });
});
