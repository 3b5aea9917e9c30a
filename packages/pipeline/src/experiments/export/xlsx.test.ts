import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import type { ExportTable } from './export-table.ts';
import { xlsxBytes } from './xlsx.ts';

const script = `
import json, sys, openpyxl
book = openpyxl.load_workbook(sys.argv[1])
out = []
for sheet in book.worksheets:
    rows = [[[cell.data_type, cell.value if cell.data_type != 'd' else cell.value.isoformat(), cell.fill.fgColor.rgb if cell.fill.fill_type else None, cell.number_format]
             for cell in row] for row in sheet.iter_rows()]
    out.append(dict(name=sheet.title, freeze=sheet.freeze_panes, filter=sheet.auto_filter.ref, rows=rows))
print(json.dumps(out))
`;

interface ReadSheet {
  readonly name: string;
  readonly freeze: string | null;
  readonly filter: string | null;
  readonly rows: readonly (readonly [type: string, value: unknown, fill: string | null, format: string][])[];
}

async function readBack(tables: readonly ExportTable[]): Promise<readonly ReadSheet[]> {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-xlsx-'));
  try {
    const path = join(folder, 'runs.xlsx');
    writeFileSync(path, await xlsxBytes(tables));
    const read = spawnSync(debianPython, ['-W', 'ignore', '-c', script, path], { maxBuffer: 1 << 26 });
    expect(read.stderr.toString()).toBe('');
    return JSON.parse(read.stdout.toString()) as ReadSheet[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const tools = ['python3-openpyxl'];

describe('XLSX', () => {
  test.skipIf(!hasSystemTools(tools))(
    needs(tools, 'another reader finds numbers as numbers, dates as dates, and formulas as text'),
    async () => {
      const cells = [
        0.1 + 0.2,
        1e-7,
        4294967295,
        true,
        false,
        new Date('2026-11-25T15:22:03Z'),
        '=1+1',
        '-5',
        '160,160',
        '1e5',
        ' Tumörlast <≥> & "肝臓" 🫀 ',
        'two\nlines',
        'bell\u0007',
        'constructor',
        Number.NaN,
        null,
      ];
      const [sheet, other] = await readBack([
        {
          name: 'runs',
          columns: cells.map((_, i) => ({ name: `c${i}`, isTestResult: i === 0 })),
          rows: [
            { cells, isFlagged: false },
            { cells, isFlagged: true },
          ],
        },
        { name: 'per-case results', columns: [{ name: 'run' }], rows: [] },
      ]);
      expect([sheet!.name, sheet!.freeze, other!.name, other!.rows.length]).toEqual([
        'runs',
        'B2',
        'per-case results',
        1,
      ]);
      expect([sheet!.filter, other!.filter]).toEqual(['A1:P3', 'A1:A1']);
      const [header, row, flagged] = sheet!.rows;
      expect(header!.map(([, value]) => value)).toEqual(cells.map((_, i) => `c${i}`));
      expect(row!.map(([type, value]) => [type, value])).toEqual([
        ['n', 0.30000000000000004],
        ['n', 1e-7],
        ['n', 4294967295],
        ['b', true],
        ['b', false],
        ['d', '2026-11-25T15:22:03'],
        ['s', '=1+1'],
        ['s', '-5'],
        ['s', '160,160'],
        ['s', '1e5'],
        ['s', ' Tumörlast <≥> & "肝臓" 🫀 '],
        ['s', 'two\nlines'],
        ['s', 'bell?'],
        ['s', "'constructor"],
        ['s', 'NaN'],
        ['n', null],
      ]);
      // Text stays text after somebody edits the cell.
      expect(row![6]![3]).toBe('@');
      expect(row![0]![2]).toBeNull();
      expect(flagged![0]![2]).toBe('FFFDE2C8');
      expect(flagged![1]![2]).toBeNull();
    },
  );

  test('a table beyond the size of a sheet is refused', async () => {
    const columns = Array.from({ length: 16385 }, (_, i) => ({ name: `c${i}` }));
    await expect(xlsxBytes([{ name: 'runs', columns, rows: [] }])).rejects.toMatchObject({
      code: 'option-invalid',
    });
  });
});
