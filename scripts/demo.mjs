// npm run demo: sets up, then runs the whole pipe on phantoms.
import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

setup();
process.exit(
  run(
    process.execPath,
    [join(root, 'packages', 'cli', 'bin', 'glisson.js'), 'demo', ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  ),
);
