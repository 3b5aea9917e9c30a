import { z } from 'zod';
import { planSchema } from './plan.ts';

/** The schema without its "may be null", "may be absent" and "has a default" shells. */
function unwrapped(schema: unknown): unknown {
  const isShell =
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isShell ? unwrapped(schema.unwrap()) : schema;
}

/** The schema of the plan at a path, or undefined where the plan has no such field. */
export function schemaAt(path: readonly PropertyKey[], root: z.ZodType = planSchema): z.ZodType | undefined {
  let schema: unknown = root;
  for (const part of path) {
    schema = unwrapped(schema);
    if (schema instanceof z.ZodObject)
      schema = Object.hasOwn(schema.shape, part) ? schema.shape[part as string] : undefined;
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodTuple) schema = schema.def.items[part as number];
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
  }
  return schema === undefined ? undefined : (schema as z.ZodType);
}

/** Names of the fields of the object at a path; empty where there is no object. */
export function fieldNamesAt(path: readonly PropertyKey[], root?: z.ZodType): string[] {
  const schema = unwrapped(schemaAt(path, root));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Dotted paths of all fields that hold values: `training.optimiser.learningRate`. */
export function leafPaths(root?: z.ZodType, path: readonly string[] = []): string[] {
  const names = fieldNamesAt(path, root);
  if (names.length === 0) return [path.join('.')];
  return names.flatMap((name) => leafPaths(root, [...path, name]));
}

/** Whether the field at a path is a list (array or tuple). */
export function isListField(path: readonly string[], root?: z.ZodType): boolean {
  const schema = unwrapped(schemaAt(path, root));
  return schema instanceof z.ZodArray || schema instanceof z.ZodTuple;
}
