import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');

test("the README's example runs as it stands, and learns", () => {
  const text = readFileSync(join(packageRoot, 'README.md'), 'utf8');
  const example = /```js\n([\s\S]*?)```/.exec(text)?.[1];
  expect(example).toBeDefined();
  // Inside the package, so that Node finds the package by its own name.
  const folder = join(packageRoot, 'dist', 'readme-example');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `example-${process.pid}.mjs`);
  writeFileSync(file, example!);
  try {
    const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
    const share = /([\d.]+) % of the pixels/.exec(printed)?.[1];
    expect(Number(share)).toBeGreaterThan(95);
    expect(printed.match(/^step \d+: loss [\d.]+$/gm)).toHaveLength(5);
  } finally {
    rmSync(file);
  }
});
