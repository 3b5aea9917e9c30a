import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { csvText } from './csv.ts';
import type { Cell, ExportTable } from './export-table.ts';

function table(...rows: readonly (readonly Cell[])[]): ExportTable {
  return {
    name: 'runs',
    columns: rows[0]!.map((_, i) => ({ name: `c${i}` })),
    rows: rows.map((cells) => ({ cells, isFlagged: false })),
  };
}
const lineOf = (...cells: readonly Cell[]) => csvText(table(cells)).split('\r\n')[1];

describe('CSV', () => {
  test('numbers keep every digit and a point, also small, negative and non-finite ones', () => {
    expect(lineOf(0.1 + 0.2, 1e-7, -0.5, 4294967295, Number.NaN, Number.POSITIVE_INFINITY)).toBe(
      '0.30000000000000004,1e-7,-0.5,4294967295,NaN,Infinity',
    );
  });

  test('no value, empty text, yes and a time differ', () => {
    expect(lineOf(null, '', true, new Date(0))).toBe(',"",true,1970-01-01T00:00:00.000Z');
  });

  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1', "' =1"],
    ['\t=1', '"\'\t=1"'],
    ['＝1+1', "'＝1+1"],
    ['=cmd|"/c calc"!A1', '"\'=cmd|""/c calc""!A1"'],
  ])('text that would be a formula is disarmed: %j', (text, cell) => expect(lineOf(text)).toBe(cell));

  test('a separator of another locale cannot begin a cell with a formula', () => {
    expect(lineOf('a;=1+1')).toBe('"a;=1+1"');
  });

  test('a heading is disarmed as well', () => {
    expect(csvText({ name: 'runs', columns: [{ name: '=1' }], rows: [] })).toBe("'=1\r\n");
  });

  test.skipIf(!hasSystemTools(['python3-csv']))(
    needs(['python3-csv'], 'another reader finds commas, quotes, line breaks and Unicode as they were'),
    () => {
      const texts = ['a,b', 'say "yes"', 'two\nlines', 'Tumörlast ≥ 3 肝臓 🫀', ' edges '];
      const read = spawnSync(
        debianPython,
        [
          '-c',
          'import csv,io,json,sys\nprint(json.dumps(list(csv.reader(io.TextIOWrapper(sys.stdin.buffer,encoding="utf-8",newline="")))))',
        ],
        { input: csvText(table(texts)) },
      );
      expect(JSON.parse(read.stdout.toString())[1]).toEqual(texts);
    },
  );
});
