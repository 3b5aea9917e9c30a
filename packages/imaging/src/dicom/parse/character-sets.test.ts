import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { decodeText } from './character-sets.ts';
import { readText } from './data-set.ts';
import { parseDicomFile } from './dicom-file.ts';
import { tags } from './tags.ts';

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

// Byte strings from PS3.5 annexes H, I, J and K.
test.each([
  ['no character set', '', 'Adams^John', 'Adams^John'],
  ['Latin 1', 'ISO_IR 100', 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
  ['Cyrillic', 'ISO_IR 144', '\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3', 'Люкceмбург'],
  ['Greek', 'ISO_IR 126', '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'Διονυσιος'],
  ['UTF-8', 'ISO_IR 192', 'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1', 'Wang^XiaoDong=王^小東'],
  ['GB18030', 'GB18030', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', 'Wang^XiaoDong=王^小东'],
  [
    'Japanese with escapes',
    '\\ISO 2022 IR 87',
    'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
  ],
  [
    'Japanese, katakana first',
    'ISO 2022 IR 13\\ISO 2022 IR 87',
    '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  ],
  [
    'Korean',
    '\\ISO 2022 IR 149',
    'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
    'Hong^Gildong=洪^吉洞=홍^길동',
  ],
])('%s', (_name, terms, encoded, text) => {
  expect(decodeText(bytes(encoded), terms.split('\\'))).toBe(text);
});

test('bytes that fit no character are replaced, not fatal', () => {
  expect(decodeText(bytes('\xff\xfe\x80'), ['ISO_IR 192'])).toContain('\ufffd');
  expect(decodeText(bytes('\x1b$B\x01'), ['', 'ISO 2022 IR 87'])).toHaveLength(1);
  expect(decodeText(bytes('abc'), ['NO SUCH SET'])).toBe('abc');
});

test.skipIf(!hasSharedData || !hasSystemTools(['python3-pydicom']))(
  realScan(needs(['python3-pydicom'], 'patient names of many languages read as in pydicom')),
  () => {
    const folder = sharedPath('data', 'dicom', 'corpus', 'pydicom', 'charset_files');
    const files = readdirSync(folder).filter((name) => name.endsWith('.dcm') && !name.includes('SQEncoding'));
    const script =
      'import sys, json, pydicom, warnings\nwarnings.simplefilter("ignore")\n' +
      'for p in sys.stdin:\n  print(json.dumps(str(pydicom.dcmread(p.rstrip()).PatientName)))';
    const { stdout } = spawnSync(debianPython, ['-c', script], {
      input: files.map((name) => `${folder}/${name}`).join('\n'),
      encoding: 'utf8',
    });
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(names.length).toBe(files.length);
    for (const [i, name] of files.entries()) {
      const { dataSet } = parseDicomFile(readFileSync(`${folder}/${name}`), true);
      expect(readText(dataSet, tags.patientName)?.replace(/=+$/, ''), name).toBe(names[i]);
    }
  },
);
