// Runs a tool of node_modules/.bin after set-up: node scripts/with-setup.mjs TOOL [ARG ...]
import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

setup();
const [tool, ...args] = process.argv.slice(2);
process.exit(run(join(root, 'node_modules', '.bin', tool), args, { stdio: 'inherit' }));
