import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('docs/reference/nn-api.md is what the doc comments make of it, and no exported function lacks one', () => {
  const tool = fileURLToPath(new URL('../../../tools/docs-nn-api.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [tool, '--check'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
