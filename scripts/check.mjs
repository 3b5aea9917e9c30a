// Lint and format, types of sources and tests, import directions. Fast; `npm test` begins with it.
import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

export function check() {
  const bin = (name) => join(root, 'node_modules', '.bin', name);
  const steps = [
    ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
    ['types', bin('tsc'), ['-b', '--pretty', 'false']],
    ['types of tests', bin('tsc'), ['-p', 'tsconfig.tests.json', '--pretty', 'false']],
    ['import directions', process.execPath, ['scripts/check-imports.mjs']],
  ];
  for (const [name, command, args] of steps) {
    console.error(`check: ${name}`);
    const status = run(command, args);
    if (status !== 0) {
      console.error(`check: ${name} failed`);
      return status;
    }
  }
  return 0;
}

if (process.argv[1]?.endsWith('check.mjs')) {
  setup();
  process.exit(check());
}
