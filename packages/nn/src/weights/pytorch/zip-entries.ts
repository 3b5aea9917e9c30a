import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import yauzl from 'yauzl';
import { NetworkError } from '../../errors/network-error.ts';
import type { ByteSource } from '../byte-source.ts';

/** The files in a zip archive. */
export interface ZipEntries {
  /** Sizes of the unpacked files by name. */
  readonly sizes: ReadonlyMap<string, number>;
  /**
   * One file unpacked, its checksum compared.
   * @throws NetworkError 'damaged', 'unsupported' (encrypted, or another method than deflate)
   */
  read(name: string): Promise<Uint8Array>;
}

/** Deflate cannot pack tighter; whoever claims it lies. */
const tightestPacking = 1032;

const inflate = promisify(inflateRaw);

/** Method of yauzl that its published types lack. */
interface LocalHeaders {
  readLocalFileHeader(
    entry: yauzl.Entry,
    options: { minimal: true },
    done: (error: Error | null, header: { fileDataStart: number }) => void,
  ): void;
}

/**
 * Reads the directory of a zip archive (zip64, too). The source stays the caller's to close.
 * @throws NetworkError 'damaged' when it is none, or has two files of one name
 */
export async function readZipEntries(source: ByteSource): Promise<ZipEntries> {
  const damaged = (cause: unknown) =>
    new NetworkError(
      'damaged',
      `${source.name} is no whole zip file: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  const entries = new Map<string, yauzl.Entry>();
  let zip: yauzl.ZipFile;
  try {
    zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
      const options = { lazyEntries: true, autoClose: false };
      yauzl.fromRandomAccessReader(new SourceReader(source), source.size, options, (error, file) =>
        error ? reject(error) : resolve(file),
      );
    });
    await new Promise<void>((resolve, reject) => {
      zip.on('error', reject);
      zip.on('end', () => resolve());
      zip.on('entry', (entry: yauzl.Entry) => {
        if (entries.has(entry.fileName)) reject(new Error(`it has two files '${entry.fileName}'`));
        else if (entry.uncompressedSize > tightestPacking * Math.max(entry.compressedSize, 1)) {
          reject(
            new Error(
              `'${entry.fileName}' claims ${entry.uncompressedSize} bytes out of ${entry.compressedSize}`,
            ),
          );
        } else {
          entries.set(entry.fileName, entry);
          zip.readEntry();
        }
      });
      zip.readEntry();
    });
  } catch (cause) {
    throw damaged(cause);
  }

  const dataStart = (entry: yauzl.Entry) =>
    new Promise<number>((resolve, reject) => {
      (zip as yauzl.ZipFile & LocalHeaders).readLocalFileHeader(entry, { minimal: true }, (error, header) =>
        error ? reject(damaged(error)) : resolve(header.fileDataStart),
      );
    });
  const unpack = async (entry: yauzl.Entry): Promise<Uint8Array> => {
    const start = await dataStart(entry);
    const packed = await source.read(start, start + entry.compressedSize);
    if (entry.compressionMethod === 0) return packed;
    try {
      return await inflate(packed, { maxOutputLength: Math.max(entry.uncompressedSize, 1) });
    } catch (cause) {
      throw damaged(cause);
    }
  };
  return {
    sizes: new Map([...entries].map(([name, entry]) => [name, entry.uncompressedSize])),
    read: async (name) => {
      const entry = entries.get(name);
      if (entry === undefined)
        throw new NetworkError('damaged', `${source.name} has no file '${name}' in it.`);
      if (entry.isEncrypted() || (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)) {
        const found = entry.isEncrypted() ? 'encrypted' : `packed by method ${entry.compressionMethod}`;
        throw new NetworkError(
          'unsupported',
          `'${name}' in ${source.name} is ${found}; only deflate is read.`,
        );
      }
      const bytes = await unpack(entry);
      if (bytes.length !== entry.uncompressedSize) {
        throw damaged(`'${name}' has ${bytes.length} bytes instead of ${entry.uncompressedSize}`);
      }
      if (crc32(bytes) !== entry.crc32) throw damaged(`the checksum of '${name}' is wrong`);
      return bytes;
    },
  };
}

/** Lets yauzl read from a byte source. */
class SourceReader extends yauzl.RandomAccessReader {
  private readonly source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.source = source;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    this.source.read(position, position + length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        done(null);
      },
      (error: Error) => done(error),
    );
  }
}
