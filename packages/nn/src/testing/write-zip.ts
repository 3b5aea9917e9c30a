import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipOptions {
  readonly deflate?: boolean;
  /** Sizes, offsets and counts in the 64-bit fields only, as archives beyond 4 GiB have them. */
  readonly zip64?: boolean;
}

/** A zip archive for tests. */
export function zipFile(files: Readonly<Record<string, Uint8Array>>, options: ZipOptions = {}): Buffer {
  const { deflate = false, zip64 = false } = options;
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  const size32 = (size: number) => (zip64 ? 0xffffffff : size);
  for (const [name, bytes] of Object.entries(files)) {
    const packed = deflate ? deflateRawSync(bytes) : bytes;
    const extra = zip64
      ? Buffer.concat([uint16(1), uint16(24), ...[bytes.length, packed.length, offset].map(uint64)])
      : Buffer.alloc(0);
    const common = [
      uint16(45), // version needed
      uint16(0x800), // names are UTF-8
      uint16(deflate ? 8 : 0),
      uint32(0), // time and date
      uint32(crc32(bytes)),
      uint32(size32(packed.length)),
      uint32(size32(bytes.length)),
      uint16(Buffer.byteLength(name)),
      uint16(extra.length),
    ];
    const head = [uint32(0x04034b50), ...common, Buffer.from(name), extra];
    central.push(
      uint32(0x02014b50),
      uint16(45),
      ...common,
      uint16(0), // comment
      uint16(0), // disk
      uint16(0),
      uint32(0), // attributes
      uint32(size32(offset)),
      Buffer.from(name),
      extra,
    );
    local.push(...head, Buffer.from(packed));
    offset += Buffer.concat(head).length + packed.length;
  }
  const directory = Buffer.concat(central);
  const count = Object.keys(files).length;
  const end64 = Buffer.concat([
    uint32(0x06064b50),
    uint64(44),
    uint16(45),
    uint16(45),
    uint32(0),
    uint32(0),
    uint64(count),
    uint64(count),
    uint64(directory.length),
    uint64(offset),
    uint32(0x07064b50),
    uint32(0),
    uint64(offset + directory.length),
    uint32(1),
  ]);
  const count16 = uint16(zip64 ? 0xffff : count);
  const end = [
    uint32(0x06054b50),
    uint32(0),
    count16,
    count16,
    uint32(size32(directory.length)),
    uint32(size32(offset)),
    uint16(0),
  ];
  return Buffer.concat([...local, directory, ...(zip64 ? [end64] : []), ...end]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
