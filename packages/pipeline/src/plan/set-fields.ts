import type { z } from 'zod';
import { PipelineError } from '../errors/pipeline-error.ts';
import { nearestName } from './nearest-name.ts';
import { fieldNamesAt, isListField, leafPaths, schemaAt } from './plan-fields.ts';
import { describeIssues } from './plan-problems.ts';

/** Fields that follow from the data, the split or other fields. */
const derived: Record<string, string> = {
  version: 'the Glisson that writes the plan',
  recipe: 'the recipe (--recipe)',
  labels: 'the data',
  split: 'the patients (--validation, --test)',
  fingerprint: 'the data',
  'network.inputChannels': 'preprocess.contextSlices or preprocess.channels.count',
  'training.transfer.sha256': 'the file that training.transfer.weights names',
  'network.classes': 'the labels',
};

function derivedFrom(name: string): string | undefined {
  const source = Object.keys(derived).find((key) => name === key || name.startsWith(`${key}.`));
  return source === undefined ? undefined : derived[source];
}

/** Whether a field follows from the data, the split or other fields, so that nobody can set it. */
export function isDerivedField(name: string): boolean {
  return derivedFrom(name) !== undefined;
}

/** Values by dotted path, e.g. `training.steps`, checked against the plan's schema. */
export type FieldValues = ReadonlyMap<string, unknown>;

/** `1,2` for lists (`null` for none), JSON for all else, plain text where it is no JSON. */
function parseText(text: string, list: boolean): unknown {
  const parseOne = (part: string): unknown => {
    try {
      return JSON.parse(part);
    } catch {
      return part;
    }
  };
  if (list && text.trim() !== 'null' && !text.trim().startsWith('['))
    return text.split(',').map((part) => parseOne(part.trim()));
  return parseOne(text);
}

/**
 * Turns `--set` texts (`{'training.steps': '500', 'training.patchSize': '128,128'}`) into typed values.
 * @param root schema of the recipe's plans; default: those of unet-2d
 * @throws PipelineError `option-invalid` for an unknown field (with the nearest known one), a derived field,
 * or a value that the field cannot hold
 */
export function parseFields(set: Readonly<Record<string, string>>, root?: z.ZodType): FieldValues {
  const values = new Map<string, unknown>();
  for (const [name, text] of Object.entries(set)) {
    const path = name.split('.');
    const source = derivedFrom(name);
    if (source !== undefined) {
      throw new PipelineError('option-invalid', `${name} cannot be set.`, {
        where: `--set ${name}=${text}`,
        advice: `It follows from ${source}.`,
      });
    }
    const schema = schemaAt(path, root);
    const inside = fieldNamesAt(path, root);
    if (schema === undefined || inside.length > 0) {
      const near = nearestName(name, leafPaths(root));
      throw new PipelineError('option-invalid', `The plan has no single field ${name}.`, {
        where: `--set ${name}=${text}`,
        expected: inside.length > 0 ? inside.map((field) => `${name}.${field}`).join(', ') : undefined,
        advice:
          inside.length > 0
            ? 'Set the fields in it one by one.'
            : near === undefined
              ? `Fields are, for example, ${['training.steps', 'preprocess.windowHU'].join(' and ')}.`
              : `Did you mean ${near}?`,
      });
    }
    const value = parseText(text, isListField(path, root));
    const result = schema.safeParse(value);
    if (!result.success) {
      const problems = describeIssues(result.error.issues, value).map((p) => p.replace(/^the plan/, name));
      throw new PipelineError('option-invalid', `${name} cannot hold this value.`, {
        where: `--set ${name}=${text}`,
        found: problems.join('; '),
        advice: isListField(path, root) ? 'Write lists as 1,2 or [1,2].' : undefined,
      });
    }
    values.set(name, result.data);
  }
  return values;
}

/** A copy of `plan` with the values put in. */
export function applyFields<T>(plan: T, values: FieldValues): T {
  const copy = structuredClone(plan);
  for (const [name, value] of values) {
    const path = name.split('.');
    let target = copy as Record<string, unknown>;
    for (const part of path.slice(0, -1)) target = target[part] as Record<string, unknown>;
    target[path.at(-1)!] = value;
  }
  return copy;
}
