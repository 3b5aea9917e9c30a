export const operators = ['=', '!=', '<', '<=', '>', '>=', '~'] as const;
/** `~`: contains, whatever the case of the letters A to Z. */
export type Operator = (typeof operators)[number];

/** A value as it was written. Only what is not quoted can be a number. */
export interface Literal {
  readonly text: string;
  readonly number: number | null;
}

/** What a run must be like to be listed. */
export type Where =
  | { readonly kind: 'and'; readonly parts: readonly Where[] }
  | { readonly kind: 'or'; readonly parts: readonly Where[] }
  | { readonly kind: 'not'; readonly part: Where }
  | { readonly kind: 'compare'; readonly field: string; readonly operator: Operator; readonly value: Literal }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly Literal[] }
  /** `field = none` (not present) and `field != none`. */
  | { readonly kind: 'has'; readonly field: string; readonly present: boolean };

/** Names of all fields in a condition. */
export function fieldsOfWhere(where: Where): string[] {
  if (where.kind === 'and' || where.kind === 'or') return where.parts.flatMap(fieldsOfWhere);
  return where.kind === 'not' ? fieldsOfWhere(where.part) : [where.field];
}

/** A copy with other names for the fields. */
export function renameFields(where: Where, rename: (field: string) => string): Where {
  if (where.kind === 'and' || where.kind === 'or') {
    return { ...where, parts: where.parts.map((part) => renameFields(part, rename)) };
  }
  if (where.kind === 'not') return { ...where, part: renameFields(where.part, rename) };
  return { ...where, field: rename(where.field) };
}
