import { Buffer } from 'node:buffer';

/** A minimal writer for tests: any elements, right or wrong, in any of the uncompressed encodings. */
export type Value = string | number | readonly number[] | Uint8Array | readonly Elements[];

/** `'00280010 US': 512`; VRs may be left wrong on purpose. Sequences hold element objects. `undefined` is left out. */
export type Elements = { readonly [tagAndVr: string]: Value | undefined };

export interface BuildOptions {
  readonly transferSyntax?: string;
  readonly preamble?: boolean;
  readonly meta?: boolean;
  readonly undefinedLengths?: boolean;
}

interface Form {
  readonly explicit: boolean;
  readonly little: boolean;
  readonly undefinedLengths: boolean;
}

const longVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT']);

/** The bytes of a DICOM file. */
export function buildDicom(elements: Elements, o: BuildOptions = {}): Uint8Array {
  const syntax = o.transferSyntax ?? '1.2.840.10008.1.2.1';
  const form = {
    explicit: syntax !== '1.2.840.10008.1.2',
    little: syntax !== '1.2.840.10008.1.2.2',
    undefinedLengths: o.undefinedLengths ?? false,
  };
  const parts: Uint8Array[] = [];
  if (o.preamble !== false) parts.push(new Uint8Array(128), Buffer.from('DICM'));
  if (o.meta !== false) {
    const meta = encode({ '00020010 UI': syntax }, { explicit: true, little: true, undefinedLengths: false });
    parts.push(meta);
  }
  parts.push(encode(elements, form));
  return new Uint8Array(Buffer.concat(parts));
}

/** Encapsulated pixel data: an offset table and fragments. */
export function encapsulate(fragments: readonly Uint8Array[], offsets: readonly number[] = []): Uint8Array {
  const items = [new Uint8Array(new Uint32Array(offsets).buffer), ...fragments].map((bytes) =>
    Buffer.concat([Buffer.from([0xfe, 0xff, 0x00, 0xe0]), uint32(even(bytes).length, true), even(bytes)]),
  );
  return new Uint8Array(Buffer.concat([...items, Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0])]));
}

function encode(elements: Elements, form: Form): Uint8Array {
  const entries = Object.entries(elements).filter(([, value]) => value !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(entries.map(([key, value]) => encodeElement(key, value!, form)));
}

function encodeElement(key: string, value: Value, form: Form): Uint8Array {
  const [tag, vr] = key.split(' ') as [string, string];
  const header = [
    ...uint16(Number.parseInt(tag.slice(0, 4), 16), form.little),
    ...uint16(Number.parseInt(tag.slice(4), 16), form.little),
  ];
  const encapsulated = tag === '7fe00010' && vr === 'OB/encapsulated';
  const realVr = encapsulated ? 'OB' : vr;
  const body = even(encodeValue(realVr, value, form), realVr === 'UI' || realVr === 'OB' ? 0 : 32);
  const open = encapsulated || (realVr === 'SQ' && form.undefinedLengths);
  const length = open ? 0xffffffff : body.length;
  if (form.explicit) {
    header.push(...Buffer.from(realVr));
    if (longVrs.has(realVr)) header.push(0, 0, ...uint32(length, form.little));
    else header.push(...uint16(length, form.little));
  } else header.push(...uint32(length, form.little));
  const closing = open && !encapsulated ? delimiter(0xe0dd, form.little) : [];
  return Buffer.concat([Buffer.from(header), body, Buffer.from(closing)]);
}

function encodeValue(vr: string, value: Value, form: Form): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (vr === 'SQ') {
    return Buffer.concat(
      (value as readonly Elements[]).map((one) => {
        const body = encode(one, form);
        const start = [...uint16(0xfffe, form.little), ...uint16(0xe000, form.little)];
        if (!form.undefinedLengths) {
          return Buffer.concat([Buffer.from([...start, ...uint32(body.length, form.little)]), body]);
        }
        const opening = Buffer.from([...start, ...uint32(0xffffffff, form.little)]);
        return Buffer.concat([opening, body, Buffer.from(delimiter(0xe00d, form.little))]);
      }),
    );
  }
  const list = (typeof value === 'string' ? [value] : typeof value === 'number' ? [value] : value) as (
    | string
    | number
  )[];
  if (vr === 'US' || vr === 'SS')
    return Buffer.from(list.flatMap((v) => uint16(Number(v) & 0xffff, form.little)));
  if (vr === 'UL') return Buffer.from(list.flatMap((v) => [...uint32(Number(v), form.little)]));
  return Buffer.from(list.join('\\'), 'latin1');
}

function delimiter(element: number, little: boolean): number[] {
  return [...uint16(0xfffe, little), ...uint16(element, little), 0, 0, 0, 0];
}

function even(bytes: Uint8Array, padding = 0): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([padding])]);
}

function uint16(value: number, little: boolean): number[] {
  return little ? [value & 255, value >> 8] : [value >> 8, value & 255];
}

function uint32(value: number, little: boolean): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, little);
  return bytes;
}
