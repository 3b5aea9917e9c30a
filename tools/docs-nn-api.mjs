// node tools/docs-nn-api.mjs: writes docs/reference/nn-api.md from the declarations and doc comments of packages/nn.
// With --check it writes nothing, and fails when the page says something else, or an exported function has no doc comment.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../scripts/setup.mjs';

setup();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'packages', 'nn', 'dist');
const file = join(root, 'docs', 'reference', 'nn-api.md');

/** Builds keep what was made of sources that are gone. */
const hasSource = (path) =>
  existsSync(path.replace(dist, join(root, 'packages', 'nn', 'src')).replace(/\.d\.ts$/, '.ts'));

/** Folders in the order in which a reader meets them; those left out are inner workings. */
const rooms = [
  ['models', 'Networks'],
  ['layers', 'Layers: what networks are made of'],
  ['training', 'Training'],
  ['losses', 'Losses'],
  ['optimisers', 'Optimisers and schedules'],
  ['runtime', 'Running networks'],
  ['weights', 'Weight files and pretrained weights'],
  ['onnx', 'ONNX files'],
  ['operators', 'Operators'],
  ['graph', 'Graphs'],
  ['autodiff', 'Derivatives'],
  ['reference', 'The float64 reference'],
  ['errors', 'Errors'],
];

function declarationFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return declarationFiles(path);
      const isOurs = entry.name.endsWith('.d.ts') && !entry.name.endsWith('.test.d.ts') && hasSource(path);
      return isOurs ? [path] : [];
    });
}

/** Top-level exported declarations of a .d.ts file: its doc comment, its kind and name, and its text. */
function declarationsOf(text) {
  const pattern =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:declare )?(function|const|interface|type|class) (\w+)/g;
  return [...text.matchAll(pattern)].map((match) => {
    const start = match.index + match[0].length - `${match[3]}`.length;
    const from = text.indexOf('export ', match.index + (match[1] === undefined ? 0 : match[1].length));
    let end = start;
    for (let depth = 0; end < text.length; end++) {
      const letter = text[end];
      if ('{(['.includes(letter)) depth++;
      else if ('})]'.includes(letter)) {
        depth--;
        if (depth === 0 && letter === '}' && (match[2] === 'interface' || match[2] === 'class')) break;
      } else if (letter === ';' && depth === 0) break;
    }
    const comment = (match[1] ?? '')
      .split('\n')
      .map((line) => line.replace(/^\s*\*? ?/, ''))
      .join('\n')
      .trim();
    const code = text.slice(from, end + 1).replace(/^export (declare )?/, '');
    return { kind: match[2], name: match[3], comment, code };
  });
}

const problems = [];
const parts = rooms.map(([folder, title]) => {
  const files = declarationFiles(join(dist, folder)).map((path) => {
    const declarations = declarationsOf(readFileSync(path, 'utf8'));
    const subpath = relative(dist, path).replace(/\.d\.ts$/, '');
    for (const { kind, name, comment } of declarations) {
      if (kind === 'function' && comment === '') problems.push(`${subpath}: ${name} has no doc comment`);
    }
    const body = declarations.map(({ name, comment, code }) => {
      const lines = code.replaceAll(/^ {4}/gm, '  ');
      return `**\`${name}\`**${comment === '' ? '' : `: ${comment}`}\n\n\`\`\`ts\n${lines}\n\`\`\``;
    });
    return body.length === 0 ? '' : `### \`@glisson/nn/${subpath}\`\n\n${body.join('\n\n')}`;
  });
  return `## ${title}\n\n${files.filter((file) => file !== '').join('\n\n')}`;
});

const page = `# API of @glisson/nn

<!-- Written by \`node tools/docs-nn-api.mjs\` from the doc comments in packages/nn/src: change those instead. -->

Every heading is what to import from. Arrays are row-major; images are [N, C, H, W] or [N, C, D, H, W], float32. Errors are
\`NetworkError\` with a stable \`code\`. How to begin: [the package's README](../../packages/nn/README.md).

${parts.join('\n\n')}
`;

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== page) {
    problems.push('docs/reference/nn-api.md is out of date: build, then run node tools/docs-nn-api.mjs');
  }
  for (const problem of problems) console.error(problem);
  process.exit(problems.length > 0 ? 1 : 0);
}
writeFileSync(file, page);
