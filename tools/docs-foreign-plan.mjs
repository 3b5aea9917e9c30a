// node tools/docs-foreign-plan.mjs: writes docs/reference/foreign-plan.md from the schema of the plan itself.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setup } from '../scripts/setup.mjs';

setup();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, 'packages', 'pipeline', 'dist', 'plan', 'foreign-plan-reference.js');
const { foreignPlanPage } = await import(pathToFileURL(built).href);
writeFileSync(join(root, 'docs', 'reference', 'foreign-plan.md'), foreignPlanPage());
