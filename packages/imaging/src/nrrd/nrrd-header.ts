import { ImagingError } from '../errors/imaging-error.ts';
import type { StoredType } from '../raster/stored-values.ts';

/** Fields and comments of a NRRD header (teem.sourceforge.net/nrrd/format.html), as text. */
export interface NrrdFields {
  /** `field: value`, names in lower case with single spaces; synonyms are mapped to one name. */
  readonly fields: ReadonlyMap<string, string>;
  /** `key:=value` */
  readonly keys: ReadonlyMap<string, string>;
}

/** What a NRRD header says about its numbers. */
export interface NrrdHeader {
  readonly type: StoredType;
  readonly sizes: readonly number[];
  readonly encoding: 'raw' | 'gzip' | 'ascii';
  readonly bigEndian: boolean;
  /** Detached: name of the voxel file relative to the header. */
  readonly dataFile?: string;
  readonly lineSkip: number;
  readonly byteSkip: number;
  readonly fields: ReadonlyMap<string, string>;
}

/** Header lines end at an empty line; a header longer than this is no header. */
export const maxNrrdHeaderBytes = 1 << 20;

const synonyms: Readonly<Record<string, string>> = {
  'data file': 'datafile',
  'line skip': 'lineskip',
  'byte skip': 'byteskip',
  centerings: 'centers',
  'old min': 'oldmin',
  'old max': 'oldmax',
};

const types: Readonly<Record<string, StoredType>> = Object.fromEntries(
  (
    [
      ['int8', 'signed char, int8, int8_t'],
      ['uint8', 'uchar, unsigned char, uint8, uint8_t'],
      ['int16', 'short, short int, signed short, signed short int, int16, int16_t'],
      ['uint16', 'ushort, unsigned short, unsigned short int, uint16, uint16_t'],
      ['int32', 'int, signed int, int32, int32_t'],
      ['uint32', 'uint, unsigned int, uint32, uint32_t'],
      ['int64', 'longlong, long long, long long int, signed long long, signed long long int, int64, int64_t'],
      ['uint64', 'ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t'],
      ['float32', 'float'],
      ['float64', 'double'],
    ] as const
  ).flatMap(([type, names]) => names.split(', ').map((name) => [name, type])),
);

/** Splits header text (without its empty last line) into fields. @throws ImagingError `damaged` */
export function parseNrrdFields(text: string, path: string): NrrdFields {
  const fields = new Map<string, string>();
  const keys = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  for (const [i, line] of lines.slice(1).entries()) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const key = /^([^:]*):=(.*)$/.exec(line);
    const field = /^([^:]*): ?(.*)$/.exec(line);
    if (key !== null) keys.set(key[1]!, key[2]!);
    else if (field !== null) {
      const name = field[1]!.trim().toLowerCase().replace(/\s+/g, ' ');
      fields.set(synonyms[name] ?? name, field[2]!.trim());
    } else {
      throw new ImagingError('damaged', 'A line of the NRRD header is neither a field nor a key.', {
        where: `${path}, line ${i + 2}`,
        found: JSON.stringify(line.slice(0, 80)),
        expected: '"field: value", "key:=value" or "# comment"',
      });
    }
  }
  return { fields, keys };
}

/** @throws ImagingError `damaged` for missing or unusable fields, `unsupported` for what is not read */
export function parseNrrdHeader(text: string, path: string): NrrdHeader {
  const { fields } = parseNrrdFields(text, path);
  const need = (name: string): string => {
    const value = fields.get(name);
    if (value !== undefined) return value;
    throw new ImagingError('damaged', 'The NRRD header lacks a field.', {
      where: path,
      expected: `"${name}:"`,
    });
  };
  const typeName = need('type').toLowerCase().replace(/\s+/g, ' ');
  const type = types[typeName];
  if (type === undefined) throw unsupported(path, 'type', typeName, 'a number type such as short or float');
  const sizes = need('sizes').split(/\s+/).map(Number);
  if (sizes.length !== Number(need('dimension')) || !sizes.every((n) => Number.isSafeInteger(n) && n > 0)) {
    throw new ImagingError('damaged', 'The NRRD header gives no usable image size.', {
      where: path,
      found: `dimension ${fields.get('dimension')}, sizes ${fields.get('sizes')}`,
      expected: 'as many positive lengths as dimensions',
    });
  }
  const encoding = parseEncoding(need('encoding'), path);
  const endian = fields.get('endian')?.toLowerCase();
  if (encoding !== 'ascii' && !/8$/.test(type) && endian !== 'little' && endian !== 'big') {
    throw new ImagingError('damaged', 'The NRRD header does not give the byte order.', {
      where: `${path}, endian`,
      found: endian ?? 'nothing',
      expected: 'little or big',
    });
  }
  const dataFile = fields.get('datafile');
  if (dataFile !== undefined && (/^LIST\b/.test(dataFile) || /\s-?\d+\s+-?\d+\s+-?\d+/.test(dataFile))) {
    throw unsupported(path, 'data file', dataFile, 'one voxel file');
  }
  return {
    type,
    sizes,
    encoding,
    bigEndian: endian === 'big',
    ...(dataFile === undefined ? {} : { dataFile }),
    lineSkip: parseSkip(fields.get('lineskip'), 0, path),
    byteSkip: parseSkip(fields.get('byteskip'), -1, path),
    fields,
  };
}

function parseEncoding(name: string, path: string): NrrdHeader['encoding'] {
  switch (name.toLowerCase()) {
    case 'raw':
      return 'raw';
    case 'gz':
    case 'gzip':
      return 'gzip';
    case 'txt':
    case 'text':
    case 'ascii':
      return 'ascii';
    default:
      throw unsupported(path, 'encoding', name, 'raw, gzip or ascii');
  }
}

function parseSkip(text: string | undefined, least: number, path: string): number {
  const value = Number(text ?? 0);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new ImagingError('damaged', 'The NRRD header skips an unusable count.', { where: path, found: text });
}

function unsupported(path: string, field: string, found: string, expected: string): ImagingError {
  return new ImagingError('unsupported', 'This kind of NRRD is not read.', {
    where: `${path}, ${field}`,
    found,
    expected,
    advice: 'Save it again as gzip-compressed NRRD, e.g. with 3D Slicer.',
  });
}
