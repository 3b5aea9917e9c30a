import { z } from 'zod';
import { foreignPlanSchema } from './foreign-plan.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly description?: string;
  readonly default?: unknown;
}

/** The JSON schema (draft 2020-12) of a plan for a foreign network, as a person writes it. */
export function foreignPlanJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(foreignPlanSchema, { io: 'input' }) as Record<string, unknown>;
}

/** All fields as a Markdown table: name, what it holds, default, meaning. */
export function foreignPlanTable(): string {
  const rows = fieldRows(foreignPlanJsonSchema() as JsonSchema, '');
  return ['| field | holds | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function fieldRows({ properties = {}, required = [] }: JsonSchema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([key, field]) => {
    const name = `${prefix}${key}`;
    const isNeeded = required.includes(key);
    const inner = field.items || undefined;
    const below = field.properties
      ? fieldRows(field, `${name}.`)
      : inner?.properties
        ? fieldRows(inner, `${name}[].`)
        : [];
    if (field.properties) return below;
    const standard = isNeeded ? '**needed**' : `\`${JSON.stringify(field.default)}\``;
    return [`| \`${name}\` | ${kindOf(field)} | ${standard} | ${field.description ?? ''} |`, ...below];
  });
}

const words: Readonly<Record<string, string>> = {
  integer: 'whole number',
  string: 'text',
  boolean: 'true, false',
};

function kindOf(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.prefixItems) return `[${schema.prefixItems.map(kindOf).join(', ')}]`;
  if (schema.type === 'array') return 'list';
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  return types.map((type) => words[type] ?? type).join(' or ');
}

/** The page docs/reference/foreign-plan.md. */
export function foreignPlanPage(): string {
  return `# The plan of a foreign network

<!-- Written by \`node tools/docs-foreign-plan.mjs\` from the schema: change that instead. -->

A JSON file beside an ONNX model that Glisson did not train. [How to write one](../how-to/run-a-foreign-onnx-model.md).
Lengths \`[x, y]\` are from right to left and from front to back of the patient.

${foreignPlanTable()}

**Numbers.** A voxel becomes \`(scaled - mean) / sd\`; \`scaled\` is the clipped HU, or, with \`scaleTo\`, the place of the clipped
HU in the window as the same place in \`scaleTo\`. Slices are clipped to a range that holds all windows, resampled to whole
HU, and clipped to the window of each channel.

**Slices and tiles.** Rows and columns are those of the model's array. Beyond the ends of the scan the last slice repeats;
beyond the edges of a slice each channel continues with the lower end of its window. Slices without body are not asked.

**Liver and lesions.** Channels of one meaning are added (of sigmoids, the largest counts). p(liver with lesions) is
\`liver\` + \`lesion\`, at most 1, or the larger of \`whole-liver\` and \`lesion\`. Labels count as 0 or 1. Where tiles overlap, they
are averaged; the average is interpolated to the scan's own pixels and compared with the thresholds there. With
\`labels\`, lesions have no confidence.
`;
}
