import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AnyPlan } from './any-plan.ts';
import { patchPlanSchema } from './patch-plan.ts';
import { planSchema } from './plan.ts';

/** JSON with object keys in alphabetical order: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of a value's canonical JSON, hex. */
export function hashJson(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** SHA-256 by which runs and predictions name a plan; the order of fields does not matter. */
export function planHash(plan: AnyPlan): string {
  return hashJson(plan);
}

/** The text of plan.json: two spaces, newline at the end. */
export function planText(plan: AnyPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

/** The JSON schema (draft 2020-12) of plan.json. */
export function planJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(planSchema) as Record<string, unknown>;
}

/** The JSON schema of the plan.json of classifiers of patches. */
export function patchPlanJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(patchPlanSchema) as Record<string, unknown>;
}
