import { ImagingError } from '../errors/imaging-error.ts';

/** A CSV with a header: column names in lower case, and one record a line. */
export interface CsvTable {
  readonly columns: readonly string[];
  /** Values by column, trimmed; a missing cell is ''. */
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/**
 * Parses comma-separated text with a header (RFC 4180: quotes, doubled quotes, CRLF; a byte order mark is dropped).
 * A header without commas but with semicolons is taken as semicolon-separated, as spreadsheets of many
 * countries write it. Empty lines are skipped.
 * @throws ImagingError `damaged` for a quote that never ends, an empty table or doubled column names
 */
export function parseCsvTable(text: string, where: string): CsvTable {
  const clean = text.replace(/^\uFEFF/, '');
  const firstLine = clean.split(/\r?\n/, 1)[0] ?? '';
  const separator = !firstLine.includes(',') && firstLine.includes(';') ? ';' : ',';
  const lines = splitCells(clean, separator, where).filter((cells) => cells.some((cell) => cell !== ''));
  const columns = lines[0]?.map((name) => name.toLowerCase());
  if (columns === undefined) {
    throw new ImagingError('damaged', 'The table is empty.', { where, expected: 'a header line' });
  }
  const doubled = columns.find((name, i) => columns.indexOf(name) !== i);
  if (doubled !== undefined) {
    throw new ImagingError('damaged', 'A column occurs twice.', { where, found: doubled });
  }
  const rows = lines
    .slice(1)
    .map((cells) => Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? ''])));
  return { columns, rows };
}

function splitCells(text: string, separator: string, where: string): string[][] {
  const lines: string[][] = [[]];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    lines.at(-1)!.push(cell.trim());
    cell = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && cell.trim() === '') quoted = true;
    else if (c === separator) endCell();
    else if (c === '\n') {
      endCell();
      lines.push([]);
    } else if (c !== '\r') cell += c;
  }
  if (quoted) {
    throw new ImagingError('damaged', 'A quote in the table never ends.', { where });
  }
  endCell();
  return lines;
}
