import type { FieldValue } from '../record/run-record.ts';
import type { Literal, Operator, Where } from './where.ts';

/**
 * Whether a run's fields fulfil a condition: what the index must answer, too. A comparison with a value that is not there is
 * false, `!=` as well. Numbers compare with numbers only; all else, and a number that is asked for letters (`~`), as text by
 * its code points. Lists are text.
 */
export function matchesWhere(
  fields: Readonly<Record<string, FieldValue | undefined>>,
  where: Where,
): boolean {
  if (where.kind === 'and') return where.parts.every((part) => matchesWhere(fields, part));
  if (where.kind === 'or') return where.parts.some((part) => matchesWhere(fields, part));
  if (where.kind === 'not') return !matchesWhere(fields, where.part);
  const value = fields[where.field] ?? null;
  if (where.kind === 'has') return (value !== null) === where.present;
  if (value === null) return false;
  if (where.kind === 'in') return where.values.some((literal) => compares(value, '=', literal));
  return compares(value, where.operator, where.value);
}

function compares(value: number | string | boolean, operator: Operator, literal: Literal): boolean {
  if (operator === '~') return lowered(String(value)).includes(lowered(literal.text));
  if (typeof value === 'number') {
    if (literal.number === null) return operator === '!=';
    return holds(value < literal.number ? -1 : value > literal.number ? 1 : 0, operator);
  }
  return holds(Buffer.compare(Buffer.from(String(value)), Buffer.from(literal.text)), operator);
}

function holds(order: number, operator: Exclude<Operator, '~'>): boolean {
  if (operator === '=') return order === 0;
  if (operator === '!=') return order !== 0;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/** Letters A to Z only: what SQLite lowers, too. */
export function lowered(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
