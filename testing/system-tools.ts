import { spawnSync } from 'node:child_process';

/** Debian's own Python: another one on PATH would lack Debian's packages. */
export const debianPython = process.env.GLISSON_PYTHON ?? '/usr/bin/python3';

const known = new Map<string, boolean>();

/** Whether a program is on PATH, or (`python3-NAME`) a module of Debian's Python can be imported. */
export function hasSystemTool(tool: string): boolean {
  let found = known.get(tool);
  if (found === undefined) {
    const module = /^python3-(.+)$/.exec(tool)?.[1];
    const result = module
      ? spawnSync(debianPython, ['-c', `import ${module}`])
      : spawnSync('sh', ['-c', `command -v ${tool}`]);
    found = result.status === 0;
    known.set(tool, found);
  }
  return found;
}

/**
 * Names a test that needs tools outside npm: `test.skipIf(!hasSystemTools(…))(needs(['dciodvfy'], 'name'), …)`.
 * The reporter lists the skipped ones by tool, and fails the run for them under GLISSON_REQUIRE_ALL=1.
 */
export function needs(tools: readonly string[], name: string): string {
  return `[needs ${tools.join(', ')}] ${name}`;
}

export function hasSystemTools(tools: readonly string[]): boolean {
  return tools.every(hasSystemTool);
}
