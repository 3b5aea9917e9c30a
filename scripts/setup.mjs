// Makes a fresh clone ready: installs what the lock file names, builds what is out of date.
// Plain JavaScript on Node's own modules: nothing else is there yet when it runs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.glisson-installed');

/** Runs a command in the repository; its stdout goes to our stderr so that `--json` output stays clean. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['inherit', 2, 2],
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 20)) return;
  console.error(`Glisson needs Node 20.20 or newer; this is ${process.version}.`);
  process.exit(1);
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** Runs `npm ci` when node_modules is missing or belongs to another lock file. */
export function ensureInstalled() {
  checkNode();
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed)) {
    // A plain `npm ci` leaves no stamp of ours: trust it when it is newer than the lock file.
    const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
    if (stamp === lockHash()) return;
    if (stamp === '' && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) {
      writeFileSync(stampFile, lockHash());
      return;
    }
  }
  console.error('glisson: installing dependencies (npm ci) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const status = run(npm, ['ci', '--no-audit', '--no-fund'], {
    shell: process.platform === 'win32',
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (status !== 0) {
    console.error('glisson: npm ci failed; see above.');
    process.exit(status);
  }
  writeFileSync(stampFile, lockHash());
}

function newestSource(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) newest = Math.max(newest, newestSource(path));
    else if (!entry.name.endsWith('.test.ts')) newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

const packages = ['imaging', 'nn', 'pipeline', 'cli'];

function isBuilt() {
  const stamp = join(root, 'node_modules', '.glisson-built');
  if (!existsSync(stamp)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  return packages.every((name) => {
    const folder = join(root, 'packages', name);
    return (
      existsSync(join(folder, 'dist')) &&
      newestSource(join(folder, 'src')) <= builtAt &&
      statSync(join(folder, 'tsconfig.json')).mtimeMs <= builtAt
    );
  });
}

/** Compiles the packages when a source is newer than the last build. */
export function ensureBuilt({ quiet = false } = {}) {
  if (isBuilt()) return;
  if (!quiet) console.error('glisson: building …');
  const startedAt = new Date();
  // Without dist the build info would claim that all is up to date.
  for (const name of packages) {
    const dist = join(root, 'packages', name, 'dist');
    if (!existsSync(dist)) mkdirSync(dist, { recursive: true });
  }
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const status = run(process.execPath, [tsc, '-b', '--pretty', 'false']);
  if (status !== 0) {
    console.error('glisson: the build failed; see above.');
    process.exit(status);
  }
  const stamp = join(root, 'node_modules', '.glisson-built');
  rmSync(stamp, { force: true });
  writeFileSync(stamp, startedAt.toISOString());
}

export function setup() {
  ensureInstalled();
  ensureBuilt();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
