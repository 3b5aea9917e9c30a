/**
 * Specific Character Set (0008,0005) to text: PS3.3 section C.12.1.1.2, PS3.5 section 6.1.
 * Single-byte sets, UTF-8, GB18030, GBK, and ISO 2022 code extensions for Japanese, Korean and Chinese.
 */
const encodings: Record<string, string> = {
  '': 'windows-1252',
  'ISO_IR 6': 'windows-1252',
  'ISO_IR 100': 'iso-8859-1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'windows-1254',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** Escape sequences (after ESC) of ISO 2022 and what they select. */
const escapes: readonly (readonly [string, string])[] = [
  ['$B', 'jis-x-0208'],
  ['$@', 'jis-x-0208'],
  ['$(D', 'jis-x-0212'],
  ['$)C', 'euc-kr'],
  ['$)A', 'gbk'],
  ['(B', 'keep'],
  ['(J', 'shift_jis'],
  [')I', 'shift_jis'],
  ['-A', 'iso-8859-1'],
  ['-B', 'iso-8859-2'],
  ['-C', 'iso-8859-3'],
  ['-D', 'iso-8859-4'],
  ['-L', 'iso-8859-5'],
  ['-G', 'iso-8859-6'],
  ['-F', 'iso-8859-7'],
  ['-H', 'iso-8859-8'],
  ['-M', 'windows-1254'],
  ['-b', 'iso-8859-15'],
  ['-T', 'windows-874'],
];

const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

function decode(bytes: Uint8Array, encoding: string): string {
  let decoder = decoders.get(encoding);
  if (decoder === undefined) {
    decoder = new TextDecoder(encoding);
    decoders.set(encoding, decoder);
  }
  return decoder.decode(bytes);
}

function encodingOf(term: string): string {
  const plain = term
    .toUpperCase()
    .replace(/^ISO 2022 IR /, 'ISO_IR ')
    .replace(/^ISO[-_ ]IR[-_ ]/, 'ISO_IR ');
  return encodings[plain] ?? 'windows-1252';
}

/** Decodes a value; never throws: bytes that fit no character become U+FFFD. */
export function decodeText(bytes: Uint8Array, characterSets: readonly string[]): string {
  const first = encodingOf(characterSets[0] ?? '');
  if (!bytes.includes(0x1b)) return decode(bytes, first);
  let text = '';
  let current = first;
  let start = 0;
  const flush = (end: number) => {
    if (end > start) text += decodeRun(bytes.subarray(start, end), current);
  };
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0x1b) {
      const match = escapes.find(([code]) => [...code].every((c, k) => bytes[i + 1 + k] === c.charCodeAt(0)));
      if (match === undefined) continue;
      flush(i);
      current = match[1] === 'keep' ? (current.startsWith('jis') ? first : current) : match[1];
      i += match[0].length;
      start = i + 1;
    } else if (byte === 0x3d || byte === 0x5e || byte === 0x5c || byte === 10 || byte === 13) {
      // Delimiters ("=", "^", backslash, line ends) reset to the first set, unless they are half of a kanji.
      if (current.startsWith('jis')) continue;
      flush(i);
      current = first;
      start = i;
    }
  }
  flush(bytes.length);
  return text;
}

function decodeRun(bytes: Uint8Array, encoding: string): string {
  if (encoding === 'jis-x-0208') return decode(withHighBits(bytes, 1), 'euc-jp');
  if (encoding === 'jis-x-0212') return decode(withHighBits(bytes, 2), 'euc-jp');
  return decode(bytes, encoding);
}

/** 7-bit two-byte characters as EUC: high bits set, and code set 3 announced by 0x8F for JIS X 0212. */
function withHighBits(bytes: Uint8Array, set: 1 | 2): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (set === 2 && i % 2 === 0 && i + 1 < bytes.length) out.push(0x8f);
    out.push(bytes[i]! | 0x80);
  }
  return Uint8Array.from(out);
}
