#!/usr/bin/env node
// Committed plain JavaScript, so that npm links it at install time. In a checkout it builds the packages
// when a source is newer than the build; as a published package it finds dist/ and just starts.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const setupScript = join(packageFolder, '..', '..', 'scripts', 'setup.mjs');
if (existsSync(join(packageFolder, 'src')) && existsSync(setupScript)) {
  const { ensureBuilt } = await import(pathToFileURL(setupScript).href);
  ensureBuilt();
}
const { main } = await import(pathToFileURL(join(packageFolder, 'dist', 'main.js')).href);
process.exitCode = await main(process.argv.slice(2));
