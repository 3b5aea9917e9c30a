import { isReserved, literalOf, wordPattern } from './parse-where.ts';
import type { Literal, Where } from './where.ts';

/** The condition as text that `parseWhere` reads back to the same. */
export function printWhere(where: Where): string {
  if (where.kind === 'and' || where.kind === 'or') return where.parts.map(bracketed).join(` ${where.kind} `);
  if (where.kind === 'not') return `not ${bracketed(where.part)}`;
  if (where.kind === 'has') return `${where.field} ${where.present ? '!=' : '='} none`;
  if (where.kind === 'in') return `${where.field} in (${where.values.map(printLiteral).join(', ')})`;
  return `${where.field} ${where.operator} ${printLiteral(where.value)}`;
}

function bracketed(where: Where): string {
  const text = printWhere(where);
  return where.kind === 'and' || where.kind === 'or' ? `(${text})` : text;
}

function printLiteral({ text, number }: Literal): string {
  const readsTheSame =
    wordPattern.test(text) && !isReserved(text) && literalOf(text, false).number === number;
  return readsTheSame ? text : `'${text.replaceAll("'", "''")}'`;
}
