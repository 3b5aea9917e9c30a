// npm test [-- VITEST ARGS]: sets up, checks, tests. Never touches system packages:
// a test that lacks one is skipped by name and counted (a failure under GLISSON_REQUIRE_ALL=1).
import { join } from 'node:path';
import { check } from './check.mjs';
import { root, run, setup } from './setup.mjs';

setup();
const args = process.argv.slice(2);
if (args.length === 0) {
  const status = check();
  if (status !== 0) process.exit(status);
}
process.exit(
  run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
    stdio: 'inherit',
  }),
);
