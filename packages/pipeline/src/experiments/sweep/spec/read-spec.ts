import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { describeIssues } from '../../../plan/plan-problems.ts';
import { sweepError } from '../sweep-error.ts';
import { resolveSpec } from './resolve-spec.ts';
import { specSchema } from './spec-schema.ts';
import type { SweepSpec } from './sweep-spec.ts';

/**
 * Reads a sweep from its YAML file (or JSON, which YAML includes).
 * @throws PipelineError `sweep-invalid` with every fault of the file in plain words and the nearest known names; fields of plans
 * are checked as far as the schemas of the recipes say
 */
export async function readSpec(file: string): Promise<SweepSpec> {
  return parseSpec(await readFile(file, 'utf8'), file);
}

/** @param where the file that errors name */
export function parseSpec(text: string, where: string): SweepSpec {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    throw sweepError('The sweep is no YAML.', {
      where,
      found: error.message.split('\n')[0]!.replace(/:$/, ''),
      expected: 'one YAML document; keys once each',
    });
  }
  const written: unknown = document.toJS();
  const result = specSchema.safeParse(written);
  if (!result.success) {
    const problems = describeIssues(result.error.issues, written, specSchema);
    throw sweepError('The sweep has faults.', {
      where,
      found: problems
        .map((p) =>
          p.replace('is no field of a plan', 'is no field of a sweep').replace(/^the plan/, 'the sweep'),
        )
        .join('; '),
      expected: 'a sweep as docs/reference/sweep-file.md describes it',
    });
  }
  return resolveSpec(result.data, where);
}
