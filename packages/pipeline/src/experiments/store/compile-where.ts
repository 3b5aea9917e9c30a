import { lowered } from '../query/matches-where.ts';
import type { Literal, Operator, Where } from '../query/where.ts';

/** A condition as SQL with places for its values: nothing that a user wrote is in the text. */
export interface CompiledWhere {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

const sqlOperators: Readonly<Record<Exclude<Operator, '~'>, string>> = {
  '=': '=',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/**
 * A condition on `runs.id` that holds for the same runs as `matchesWhere`.
 * @param idOf number of a field's name in the index; undefined when no run has it
 */
export function compileWhere(where: Where, idOf: (field: string) => number | undefined): CompiledWhere {
  if (where.kind === 'and' || where.kind === 'or') {
    const parts = where.parts.map((part) => compileWhere(part, idOf));
    return {
      sql: `(${parts.map(({ sql }) => sql).join(where.kind === 'and' ? ' AND ' : ' OR ')})`,
      values: parts.flatMap(({ values }) => values),
    };
  }
  if (where.kind === 'not') {
    const { sql, values } = compileWhere(where.part, idOf);
    return { sql: `NOT ${sql}`, values };
  }
  const name = idOf(where.field);
  if (where.kind === 'has') {
    if (name === undefined) return { sql: where.present ? '0' : '1', values: [] };
    const is = where.present ? 'IN' : 'NOT IN';
    return { sql: `(runs.id ${is} (SELECT run FROM fields WHERE name = ?))`, values: [name] };
  }
  if (name === undefined) return { sql: '0', values: [] };
  const tests =
    where.kind === 'in'
      ? where.values.map((value) => comparison('=', value))
      : [comparison(where.operator, where.value)];
  return {
    sql: `(runs.id IN (SELECT run FROM fields WHERE name = ? AND (${tests.map(({ sql }) => sql).join(' OR ')})))`,
    values: [name, ...tests.flatMap(({ values }) => values)],
  };
}

function comparison(operator: Operator, { text, number }: Literal): CompiledWhere {
  if (operator === '~') return { sql: 'instr(lower(text), ?) > 0', values: [lowered(text)] };
  const sign = sqlOperators[operator];
  const asText = `number IS NULL AND text ${sign} ?`;
  if (number !== null) {
    return { sql: `(number IS NOT NULL AND number ${sign} ?) OR (${asText})`, values: [number, text] };
  }
  const isNumberFine = operator === '!=' ? 'number IS NOT NULL OR ' : '';
  return { sql: `(${isNumberFine}(${asText}))`, values: [text] };
}
