import { PipelineError } from '../../errors/pipeline-error.ts';
import type { Cell, ExportTable } from './export-table.ts';

/** Excel's own bounds. */
const most = { rows: 1_048_576, columns: 16_384, text: 32_767 } as const;
const widest = 44;
const flagColour = '#fde2c8';

/**
 * Tables as the sheets of one workbook (Office Open XML). Numbers are numbers with all their digits, times are dates in UTC,
 * yes and no are booleans, no value is an empty cell; text is never a formula. The heading stays in sight while scrolling
 * and has buttons to filter by, and test results of patients that chose something are coloured.
 * @throws PipelineError `option-invalid` for more rows or columns than a sheet can have
 */
export async function xlsxBytes(tables: readonly ExportTable[]): Promise<Uint8Array> {
  const { default: writeExcelFile } = await import('write-excel-file/node');
  const { getCellAddress } = await import('write-excel-file/utility');
  const sheets = tables.map((table) => {
    if (table.rows.length >= most.rows || table.columns.length > most.columns) {
      throw new PipelineError('option-invalid', 'This is more than a sheet of a spreadsheet can hold.', {
        where: `the sheet ${table.name}`,
        found: `${table.rows.length + 1} rows, ${table.columns.length} columns`,
        expected: `at most ${most.rows} rows and ${most.columns} columns`,
        advice: 'Choose fewer runs with --where, or export CSV.',
      });
    }
    const header = table.columns.map(({ name }) => ({ ...textCell(name), fontWeight: 'bold' as const }));
    const rows = table.rows.map(({ cells, isFlagged }) =>
      cells.map((cell, i) => {
        const written = cellOf(cell);
        if (written === null || !isFlagged || table.columns[i]!.isTestResult !== true) return written;
        return { ...written, backgroundColor: flagColour };
      }),
    );
    return {
      sheet: table.name,
      data: [header, ...rows],
      columns: table.columns.map((column, i) => ({ width: widthOf(column.name, table, i) })),
      stickyRowsCount: 1,
      stickyColumnsCount: 1,
    };
  });
  const features = [
    {
      files: {
        transform: { 'xl/worksheets/sheet{id}.xml': { transform: filterButtons(tables, getCellAddress) } },
      },
    },
  ];
  return new Uint8Array(await writeExcelFile(sheets, { features }).toBuffer());
}

/** Buttons in the heading that sort and filter; the library leaves them to those who want them. */
function filterButtons(tables: readonly ExportTable[], addressOf: (row: number, column: number) => string) {
  return (xml: string, _options: unknown, { sheetIndex }: { readonly sheetIndex: number }): string => {
    const { rows, columns } = tables[sheetIndex]!;
    const range = `A1:${addressOf(rows.length, columns.length - 1)}`;
    // The schema wants it right behind the data.
    return xml.replace('</sheetData>', () => `</sheetData><autoFilter ref="${range}"/>`);
  };
}

function cellOf(cell: Cell) {
  if (cell === null) return null;
  if (typeof cell === 'boolean') return { type: Boolean, value: cell } as const;
  if (cell instanceof Date) return { type: Date, value: cell, format: 'yyyy-mm-dd hh:mm:ss' } as const;
  // A cell of a spreadsheet holds finite numbers only: the word says more than nothing would.
  if (typeof cell === 'number') {
    return Number.isFinite(cell) ? ({ type: Number, value: cell } as const) : textCell(String(cell));
  }
  return textCell(cell);
}

/** The format `@` makes a cell text also after somebody edits it: `=1` stays what it says. */
function textCell(text: string) {
  return { type: String, value: xmlText(text), format: '@' } as const;
}

/** Without characters that XML cannot hold; `_x000D_` and the like, which Excel would decode, stay as they are. */
function xmlText(text: string): string {
  const kept = text
    .replaceAll(/\p{Surrogate}/gu, '?')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?')
    .replaceAll(/_(?=x[0-9a-f]{4}_)/gi, '_x005F_');
  const cut = kept.length > most.text ? `${kept.slice(0, most.text - 1)}…` : kept;
  // The library looks its texts up in a plain object, where these eleven words mean something else.
  return cut in Object.prototype ? `'${cut}` : cut;
}

function widthOf(name: string, table: ExportTable, column: number): number {
  let width = name.length;
  for (const { cells } of table.rows.slice(0, 200)) {
    const cell = cells[column]!;
    if (cell !== null) width = Math.max(width, cell instanceof Date ? 19 : String(cell).length);
  }
  return Math.min(width, widest) + 2;
}
