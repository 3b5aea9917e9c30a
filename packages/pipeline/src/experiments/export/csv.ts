import type { Cell, ExportTable } from './export-table.ts';
import { numberText } from './export-table.ts';

/** What spreadsheets take for the beginning of a formula, full-width forms and leading blanks included. */
const formulaLike = /^[\s\0]*[=+\-@＝＋－＠]/;

/**
 * A table as CSV (RFC 4180): UTF-8, commas, CRLF, numbers with a point and at full precision, times in ISO 8601. An empty
 * cell has no value; an empty text is `""`. Text that a spreadsheet would take for a formula gets an apostrophe before it:
 * what a cell says is never executed.
 */
export function csvText(table: ExportTable): string {
  const lines = [table.columns.map((column) => textCell(column.name)), ...table.rows.map(lineOf)];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function lineOf({ cells }: { readonly cells: readonly Cell[] }): string[] {
  return cells.map((cell) => {
    if (cell === null) return '';
    if (typeof cell === 'number') return numberText(cell);
    if (typeof cell === 'boolean') return String(cell);
    return textCell(cell instanceof Date ? cell.toISOString() : cell);
  });
}

function textCell(text: string): string {
  const safe = formulaLike.test(text) ? `'${text}` : text;
  // Semicolons and tabs part cells where the locale says so: what follows one must not begin a cell there.
  if (safe !== '' && !/[",;\t\r\n]|^\s|\s$/.test(safe)) return safe;
  return `"${safe.replaceAll('"', '""')}"`;
}
