import { crc32, deflateRawSync } from 'node:zlib';

/** One entry of a test archive; each part of it can be made wrong. */
export interface ZipEntryOptions {
  readonly name: string;
  readonly content?: Uint8Array;
  readonly deflate?: boolean;
  readonly encrypted?: boolean;
  /** Inflated size that the directory declares. */
  readonly declaredSize?: number;
  readonly crc?: number;
}

/** A zip archive (APPNOTE 6.3: local headers, central directory, end record). */
export function buildZip(entries: readonly ZipEntryOptions[]): Uint8Array {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const content = entry.content ?? new Uint8Array();
    const plain = entry.deflate ? deflateRawSync(content) : content;
    // Encryption puts 12 bytes in front.
    const packed = entry.encrypted ? Buffer.concat([new Uint8Array(12), plain]) : plain;
    const name = Buffer.from(entry.name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.encrypted ? 0x801 : 0x800, 2);
    common.writeUInt16LE(entry.deflate ? 8 : 0, 4);
    common.writeUInt32LE(entry.crc ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(entry.declaredSize ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    locals.push(Buffer.from([0x50, 0x4b, 3, 4]), common, name, Buffer.from(packed));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from([0x50, 0x4b, 1, 2, 20, 3]), common, tail, name);
    offset += 30 + name.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...locals, central, end]));
}
