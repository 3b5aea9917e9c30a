// npm run bench:NAME [-- ARGS]: sets up, compiles benchmarks/, runs one of them.
import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

setup();
const [name, ...args] = process.argv.slice(2);
const tsc = join(root, 'node_modules', '.bin', 'tsc');
const status = run(tsc, ['-p', 'benchmarks/tsconfig.json', '--pretty', 'false']);
if (status !== 0) process.exit(status);
process.exit(
  run(process.execPath, [join(root, 'benchmarks', 'dist', `${name}.js`), ...args], { stdio: 'inherit' }),
);
