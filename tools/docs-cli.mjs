// node tools/docs-cli.mjs: writes docs/reference/cli.md from the help texts of the command itself.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setup } from '../scripts/setup.mjs';

setup();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = (file) => import(pathToFileURL(join(root, 'packages', 'cli', 'dist', file)).href);
const { parseCommandLine } = await built('program.js');
const { verbs } = await built('verbs/all-verbs.js');

const help = (...args) => parseCommandLine(verbs, '', [...args, '--help']).text.trimEnd();
const block = (text) => `\`\`\`text\n${text}\n\`\`\``;
const page = `# The command

<!-- Written by \`node tools/docs-cli.mjs\` from the help texts: change those instead. -->

After \`npm ci\` in a clone, \`npx glisson VERB\` runs the command (\`npx --no -- glisson VERB\` makes sure that npx never
fetches something of that name from elsewhere; without the two dashes npx takes options such as \`--help\` for its own).

- **stdout** carries the result: text for people, or with \`--json\` exactly one JSON document on one line, also when the
  command fails: \`{"error": {"code", "message", "where", "found", "expected", "advice"}}\`. The code is stable.
- **stderr** carries progress and notes; \`--quiet\` silences both, errors excepted.
- **Exit codes**: 0 done; 1 failed, or \`inspect\`, \`doctor\` or \`evaluate\` found something that cannot be used as it is;
  2 wrong command line; 130 cancelled.
- **Ctrl-C** cancels at once and leaves nothing half-written; a training can be resumed, a download goes on. A second Ctrl-C
  ends the process without waiting.
- Nothing is overwritten without \`--force\`. Files and folders appear whole or not at all.

${block(help())}

${verbs.map(({ name }) => `## ${name}\n\n${block(help(name))}`).join('\n\n')}
`;
writeFileSync(join(root, 'docs', 'reference', 'cli.md'), page);
