// npm run demo: sets up, then runs the whole pipe on phantoms.
import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

setup();
const args = process.argv.slice(2);
// Its own folder of an earlier run may go; --force replaces demo results and nothing else.
if (!args.includes('--out')) args.push('--force');
process.exit(
  run(process.execPath, [join(root, 'packages', 'cli', 'bin', 'glisson.js'), 'demo', ...args], {
    stdio: 'inherit',
  }),
);
