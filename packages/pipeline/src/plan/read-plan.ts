import { PipelineError } from '../errors/pipeline-error.ts';
import { type AnyPlan, isPatchPlan, schemaOfPlan } from './any-plan.ts';
import { findPatchContradictions } from './patch-plan-problems.ts';
import { planVersion } from './plan.ts';
import { describeIssues, findContradictions } from './plan-problems.ts';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Checks that parsed JSON is a plan of this version, of whatever family of networks, whose fields fit each other.
 * @param where the file or place that errors name
 * @throws PipelineError `plan-version` for another version, `plan-invalid` with every fault in plain words
 */
export function parsePlan(json: unknown, where?: string): AnyPlan {
  if (!isObject(json)) {
    throw new PipelineError('plan-invalid', 'This is no plan.', {
      where,
      found: json === null ? 'null' : Array.isArray(json) ? 'a list' : `a ${typeof json}`,
      expected: 'a JSON object with version, preprocess, network and so on',
    });
  }
  if (json.version !== planVersion) {
    const newer = typeof json.version === 'number' && json.version > planVersion;
    throw new PipelineError('plan-version', 'The plan has another version than this Glisson reads.', {
      where,
      found: json.version === undefined ? 'no version' : `version ${JSON.stringify(json.version)}`,
      expected: `version ${planVersion}`,
      advice: newer
        ? 'Use the newer Glisson that wrote it.'
        : 'Train the model again with this Glisson, or use the Glisson that wrote it.',
    });
  }
  const schema = schemaOfPlan(json);
  const result = schema.safeParse(json);
  const problems = result.success
    ? contradictionsOf(result.data)
    : describeIssues(result.error.issues, json, schema);
  if (!result.success || problems.length > 0) {
    throw new PipelineError('plan-invalid', 'The plan has faults.', {
      where,
      found: problems.join('; '),
      expected: `a plan of version ${planVersion} (see its JSON schema)`,
    });
  }
  return result.data;
}

function contradictionsOf(plan: AnyPlan): string[] {
  return isPatchPlan(plan) ? findPatchContradictions(plan) : findContradictions(plan);
}

/**
 * Parses the text of a plan.json.
 * @throws PipelineError as `parsePlan`, and `plan-invalid` for text that is no JSON
 */
export function parsePlanText(text: string, where?: string): AnyPlan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new PipelineError('plan-invalid', 'The plan is no JSON.', {
      where,
      found: (error as Error).message,
      expected: 'the JSON text that training wrote',
      cause: error,
    });
  }
  return parsePlan(json, where);
}
