import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { foreignPlanPage, foreignPlanTable } from './foreign-plan-reference.ts';
import { parseForeignPlan } from './read-foreign-plan.ts';

const doc = (path: string) => readFileSync(new URL(`../../../../docs/${path}`, import.meta.url), 'utf8');

test('the page of the reference is the one that the schema gives', () => {
  // Otherwise: node tools/docs-foreign-plan.mjs
  expect(doc('reference/foreign-plan.md')).toBe(foreignPlanPage());
});

test('every field has a meaning', () => {
  const rows = foreignPlanTable().split('\n').slice(2);
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) expect(row).toMatch(/^\| `[\w.[\]]+` \| \S.* \| \S.* \| \S.* \|$/);
});

test('the plan in the how-to is a plan, and the fields in its table exist', () => {
  const page = doc('how-to/run-a-foreign-onnx-model.md');
  const [, json] = /```json\n([\s\S]*?)```/.exec(page)!;
  const plan = JSON.parse(json!) as Record<string, Record<string, unknown>>;
  expect(parseForeignPlan(json!, 'how-to').name).toBe('their U-Net');
  const change = (part: string, fields: object) =>
    JSON.stringify({ ...plan, [part]: { ...plan[part], ...fields } });
  const [channel] = plan.input!.channels as object[];
  const channels = /"windowHU": \[-200, 250\], "scaleTo": \[0, 1\]/.exec(page)![0];
  for (const text of [
    change('input', {
      channels: [JSON.parse(`{${channels}, "mean": 0.485, "sd": 0.229, "sliceOffset": -1}`), channel],
    }),
    change('input', { channels: [{ windowHU: [-200, 250], scaleTo: null, mean: 30, sd: 80 }] }),
    change('input', { rows: 'R', columns: 'A', sliceSizePx: [256, 256] }),
    change('tile', { size: [256, 256], multipleOf: 16 }),
  ]) {
    expect(parseForeignPlan(text, 'how-to').kind).toBe('foreign-network');
  }
});
