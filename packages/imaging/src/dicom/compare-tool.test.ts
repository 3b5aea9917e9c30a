import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { buildDicom } from './testing/build-dicom.ts';
import { ctSlice, folderOf } from './testing/ct-series.ts';

const tools = ['python3-pydicom', 'python3-gdcm'];

test.skipIf(!hasSystemTools(tools))(
  needs(tools, 'the comparison with pydicom and GDCM finds equal files equal and tells the rest'),
  () => {
    const rescaled = ctSlice({ rows: 16, columns: 16, slope: 2, intercept: -1024, number: 2 });
    const whole = buildDicom(rescaled);
    const folder = folderOf({
      'a.dcm': rescaled,
      'b.dcm': ctSlice({ rows: 16, columns: 16, slope: 0.25, intercept: 3.5 }),
      'cut.dcm': whole.subarray(0, whole.length - 100),
      'text.txt': 'no DICOM',
    });
    try {
      const script = fileURLToPath(new URL('../../../../tools/compare-dicom.mjs', import.meta.url));
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [script, folder, '--json', '--python', debianPython],
        { encoding: 'utf8' },
      );
      expect(status, stderr).toBe(0);
      const { rows } = JSON.parse(stdout);
      expect(rows.map((row: { file: string; verdict: string }) => [row.file, row.verdict])).toEqual([
        ['a.dcm', 'equal'],
        ['b.dcm', 'equal'],
        ['cut.dcm', expect.stringMatching(/refused|only peers/)],
        ['text.txt', 'refused'],
      ]);
      expect(rows[0].pydicom).toEqual({ stored: 'equal', values: 'equal' });
      expect(rows[1].gdcm).toEqual({ stored: 'equal', values: 'equal' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
