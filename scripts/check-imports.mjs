// Packages import downwards only, folders and files form no cycles, and no package reaches into
// another one by a relative path. The table below is the architecture; see docs/explanation/architecture.md.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './setup.mjs';

const mayImport = {
  imaging: [],
  nn: [],
  pipeline: ['imaging', 'nn'],
  server: ['pipeline', 'imaging', 'nn'],
  web: ['imaging', 'nn'],
  cli: ['pipeline', 'server', 'imaging', 'nn'],
};
const packageOf = (specifier) => {
  const match = /^@glisson\/([a-z]+)(?:\/|$)/.exec(specifier);
  return match?.[1] ?? (specifier === 'glisson' ? 'cli' : undefined);
};
const problems = [];

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(text) {
  const pattern =
    /(?:^|[\s;])(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [...text.matchAll(pattern)].map((m) => m[1] ?? m[2]);
}

/** Sources behind the `#names` of a package ("imports" in package.json, one file a platform). */
function platformFiles(name) {
  const { imports = {} } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
  const source = (built) =>
    join(root, 'packages', name, built.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts'));
  return new Map(Object.entries(imports).map(([key, files]) => [key, Object.values(files).map(source)]));
}

const edges = new Map();
for (const name of Object.keys(mayImport)) {
  const folder = join(root, 'packages', name, 'src');
  if (!existsSync(folder)) continue;
  const platforms = platformFiles(name);
  for (const file of sources(folder)) {
    const isTest = file.endsWith('.test.ts');
    const targets = [];
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      const where = relative(root, file);
      const other = packageOf(specifier);
      if (other !== undefined && other !== name && !mayImport[name].includes(other)) {
        problems.push(`${where}: package ${name} must not import ${specifier}`);
      }
      if (specifier.startsWith('#')) {
        const files = platforms.get(specifier) ?? [];
        if (files.length === 0) problems.push(`${where}: ${specifier} is not in the package's imports`);
        for (const target of files) {
          if (!existsSync(target))
            problems.push(`${where}: ${specifier} names ${target}, which does not exist`);
          else if (!isTest) targets.push(target);
        }
      }
      if (specifier.startsWith('.')) {
        const target = resolve(dirname(file), specifier);
        const outside = relative(folder, target).startsWith('..');
        const isTestingHelp = isTest && target.startsWith(join(root, 'testing'));
        if (outside && !isTestingHelp)
          problems.push(`${where}: ${specifier} leaves the package; import it by name`);
        else if (!outside && !existsSync(target)) problems.push(`${where}: ${specifier} does not exist`);
        else if (!isTest) targets.push(target);
        if (!isTest && target.endsWith('.test.ts')) problems.push(`${where}: imports a test`);
      }
    }
    edges.set(file, targets);
  }
}

const state = new Map();
function visit(file, path) {
  if (state.get(file) === 'done') return;
  if (state.get(file) === 'open') {
    const cycle = [...path.slice(path.indexOf(file)), file].map((f) => relative(root, f));
    problems.push(`cycle: ${cycle.join(' -> ')}`);
    return;
  }
  state.set(file, 'open');
  for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
  state.set(file, 'done');
}
for (const file of edges.keys()) visit(file, []);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.error(`import directions: ${edges.size} files, no import upwards or sideways, no cycle`);
