import { ImagingError } from '../errors/imaging-error.ts';
import type { Vec3 } from '../geometry/geometry.ts';
import type { StoredType } from '../raster/stored-values.ts';

/** What a MetaImage header says (itk.org, MetaIO documentation), in LPS mm as ITK writes it. */
export interface MetaImageHeader {
  readonly type: StoredType;
  readonly size: Vec3;
  /** mm from voxel to voxel along each grid axis. */
  readonly steps: readonly [Vec3, Vec3, Vec3];
  readonly origin: Vec3;
  readonly bigEndian: boolean;
  readonly compressed: boolean;
  /** `LOCAL`, or a file name relative to the header. */
  readonly dataFile: string;
  /** Bytes before the voxels in the voxel file; -1: the voxels are its last bytes. */
  readonly headerSize: number;
  /** Remarks that a person should see. */
  readonly remarks: readonly { readonly code: string; readonly message: string }[];
}

const types: Readonly<Record<string, StoredType>> = {
  MET_CHAR: 'int8',
  MET_UCHAR: 'uint8',
  MET_SHORT: 'int16',
  MET_USHORT: 'uint16',
  MET_INT: 'int32',
  MET_UINT: 'uint32',
  // 4 bytes by MetaIO's own table, whatever the machine calls long.
  MET_LONG: 'int32',
  MET_ULONG: 'uint32',
  MET_LONG_LONG: 'int64',
  MET_ULONG_LONG: 'uint64',
  MET_FLOAT: 'float32',
  MET_DOUBLE: 'float64',
};

/** The data of a local file begin after the line that starts so. */
const lastKey = 'ElementDataFile';

/**
 * Splits the start of a file into header fields; the header ends with the line of ElementDataFile.
 * @param text latin1, so that characters are bytes
 * @returns fields by name, and how many bytes the header takes
 * @throws ImagingError `damaged`, `not-an-image`
 */
export function parseMetaImageFields(
  text: string,
  path: string,
): { fields: Map<string, string>; bytes: number } {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(at, end).trim();
    at = end + 1;
    if (line === '') continue;
    const match = /^([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line);
    if (match === null) {
      throw new ImagingError(fields.size === 0 ? 'not-an-image' : 'damaged', 'This is no MetaImage header.', {
        where: path,
        found: JSON.stringify(line.slice(0, 80)),
        expected: '"Key = Value"',
      });
    }
    fields.set(match[1]!, match[2]!);
    if (match[1] === lastKey) return { fields, bytes: at };
  }
  throw new ImagingError('damaged', 'The MetaImage header does not end.', {
    where: path,
    expected: `${lastKey} = …`,
  });
}

/** @throws ImagingError `damaged` for missing or unusable fields, `unsupported` for what is not read */
export function interpretMetaImage(fields: ReadonlyMap<string, string>, path: string): MetaImageHeader {
  const need = (name: string): string => {
    const value = fields.get(name);
    if (value !== undefined) return value;
    throw new ImagingError('damaged', 'The MetaImage header lacks a field.', {
      where: path,
      expected: `${name} = …`,
    });
  };
  const refuse = (name: string, found: string, expected: string) =>
    new ImagingError('unsupported', 'This kind of MetaImage is not read.', {
      where: `${path}, ${name}`,
      found,
      expected,
      advice: 'Save it again as a compressed .mha with one volume.',
    });
  const numbers = (name: string, count: number): number[] | undefined => {
    const text = fields.get(name);
    if (text === undefined) return undefined;
    const values = text.trim().split(/\s+/).map(Number);
    if (values.length === count && values.every(Number.isFinite)) return values;
    throw new ImagingError('damaged', 'A field of the MetaImage header cannot be read.', {
      where: `${path}, ${name}`,
      found: text,
      expected: `${count} numbers`,
    });
  };
  const remarks: { code: string; message: string }[] = [];

  const dimensions = Number(need('NDims'));
  const allSizes = need('DimSize').trim().split(/\s+/).map(Number);
  if (allSizes.length !== dimensions || !allSizes.every((n) => Number.isSafeInteger(n) && n > 0)) {
    throw new ImagingError('damaged', 'The MetaImage header gives no usable image size.', {
      where: `${path}, DimSize`,
      found: `NDims ${dimensions}, DimSize ${fields.get('DimSize')}`,
      expected: 'as many positive lengths as dimensions',
    });
  }
  if (dimensions < 2 || allSizes.slice(3).some((n) => n > 1)) {
    throw refuse('DimSize', allSizes.join(' x '), 'three dimensions, further ones of length 1');
  }
  const channels = fields.get('ElementNumberOfChannels') ?? '1';
  if (channels.trim() !== '1') throw refuse('ElementNumberOfChannels', channels, '1');
  const typeName = need('ElementType').trim();
  const type = types[typeName];
  if (type === undefined) throw refuse('ElementType', typeName, Object.keys(types).join(', '));
  if (/^f/i.test(fields.get('BinaryData') ?? 'True')) throw refuse('BinaryData', 'False (text)', 'True');
  const dataFile = need(lastKey).trim();
  if (/^LIST\b/.test(dataFile) || /%/.test(dataFile)) throw refuse(lastKey, dataFile, 'LOCAL or one file');

  const slope = Number(fields.get('ElementToIntensityFunctionSlope') ?? 1);
  const offset = Number(fields.get('ElementToIntensityFunctionOffset') ?? 0);
  if (slope !== 1 || offset !== 0) {
    remarks.push({
      code: 'scaling-ignored',
      message: `ElementToIntensityFunction (slope ${slope}, offset ${offset}) was not applied, as in ITK.`,
    });
  }
  const stated = numbers('ElementSpacing', dimensions) ?? numbers('ElementSize', dimensions);
  if (stated === undefined) {
    remarks.push({
      code: 'spacing-unknown',
      message: 'The header gives no spacing; 1 mm was assumed: nothing can be measured.',
    });
  }
  const matrix =
    numbers('TransformMatrix', dimensions ** 2) ??
    numbers('Rotation', dimensions ** 2) ??
    numbers('Orientation', dimensions ** 2);
  if (matrix === undefined) {
    remarks.push({
      code: 'orientation-unknown',
      message: 'The header does not say how the axes lie. They were taken as left, posterior, superior.',
    });
  }
  const origin =
    numbers('Offset', dimensions) ?? numbers('Position', dimensions) ?? numbers('Origin', dimensions) ?? [];
  // Row i of the matrix is the direction of grid axis i, which is how ITK writes and reads it.
  const step = (axis: number): Vec3 => {
    const length = stated?.[axis] ?? 1;
    const along = (row: number) =>
      axis < dimensions && row < dimensions
        ? (matrix?.[axis * dimensions + row] ?? (axis === row ? 1 : 0))
        : axis === row
          ? 1
          : 0;
    return [along(0) * length, along(1) * length, along(2) * length];
  };
  const headerSize = Number(fields.get('HeaderSize') ?? 0);
  if (!Number.isSafeInteger(headerSize) || headerSize < -1) {
    throw new ImagingError('damaged', 'HeaderSize is unusable.', { where: path, found: String(headerSize) });
  }
  return {
    type,
    size: [allSizes[0]!, allSizes[1]!, allSizes[2] ?? 1],
    steps: [step(0), step(1), step(2)],
    origin: [origin[0] ?? 0, origin[1] ?? 0, origin[2] ?? 0],
    bigEndian: /^t/i.test(
      fields.get('BinaryDataByteOrderMSB') ?? fields.get('ElementByteOrderMSB') ?? 'False',
    ),
    compressed: /^t/i.test(fields.get('CompressedData') ?? 'False'),
    dataFile,
    headerSize,
    remarks,
  };
}
