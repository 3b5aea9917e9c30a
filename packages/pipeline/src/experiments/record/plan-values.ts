import type { FieldValue } from './run-record.ts';

/** Objects whose keys are names of the data, not of fields. */
const noFields = new Set(['split.patients']);

/**
 * The plan as one value for each dotted name. Lists are text, as `--set` takes them (`160,160`); lists of objects are
 * their JSON. Which patient a case is of is left out.
 */
export function planValues(plan: unknown): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = {};
  const walk = (value: unknown, name: string) => {
    if (noFields.has(name) || value === undefined) return;
    if (Array.isArray(value)) values[name] = listText(value);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) walk(inner, name === '' ? key : `${name}.${key}`);
    } else values[name] = value as FieldValue;
  };
  walk(plan, '');
  return values;
}

function listText(list: readonly unknown[]): string {
  const isPlain = list.every((entry) => typeof entry !== 'object' || entry === null);
  return isPlain ? list.join(',') : JSON.stringify(list);
}
