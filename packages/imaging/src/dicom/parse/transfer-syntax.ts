/** How a data set is encoded and how its pixels are compressed (PS3.5 section 10, PS3.6 annex A). */
export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly explicit: boolean;
  readonly littleEndian: boolean;
  /** The data set after the meta group is a raw deflate stream. */
  readonly deflated: boolean;
  readonly compression: Compression;
  /** Decoding gives exactly what the encoder was given. */
  readonly lossless: boolean;
}

export type Compression =
  | 'none'
  | 'rle'
  | 'jpeg'
  | 'jpeg-ls'
  | 'jpeg-2000'
  | 'htj2k'
  | 'jpeg-xl'
  | 'unsupported';

const syntaxes = new Map<string, TransferSyntax>();

function add(uid: string, name: string, compression: Compression, lossless: boolean, special = {}): void {
  syntaxes.set(uid, {
    uid,
    name,
    explicit: true,
    littleEndian: true,
    deflated: false,
    compression,
    lossless,
    ...special,
  });
}

add('1.2.840.10008.1.2', 'Implicit VR Little Endian', 'none', true, { explicit: false });
add('1.2.840.10008.1.2.1', 'Explicit VR Little Endian', 'none', true);
add('1.2.840.10008.1.2.1.99', 'Deflated Explicit VR Little Endian', 'none', true, { deflated: true });
add('1.2.840.10008.1.2.2', 'Explicit VR Big Endian', 'none', true, { littleEndian: false });
add('1.2.840.113619.5.2', 'GE private Implicit VR, big endian pixels', 'unsupported', true, {
  explicit: false,
});
add('1.2.840.10008.1.2.4.50', 'JPEG Baseline (Process 1)', 'jpeg', false);
add('1.2.840.10008.1.2.4.51', 'JPEG Extended (Process 2 and 4)', 'jpeg', false);
add('1.2.840.10008.1.2.4.57', 'JPEG Lossless (Process 14)', 'jpeg', true);
add('1.2.840.10008.1.2.4.70', 'JPEG Lossless, First-Order Prediction', 'jpeg', true);
add('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless', 'jpeg-ls', true);
add('1.2.840.10008.1.2.4.81', 'JPEG-LS Near-Lossless', 'jpeg-ls', false);
add('1.2.840.10008.1.2.4.90', 'JPEG 2000 Lossless', 'jpeg-2000', true);
add('1.2.840.10008.1.2.4.91', 'JPEG 2000', 'jpeg-2000', false);
add('1.2.840.10008.1.2.4.110', 'JPEG XL Lossless', 'jpeg-xl', true);
add('1.2.840.10008.1.2.4.112', 'JPEG XL', 'jpeg-xl', false);
add('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 Lossless', 'htj2k', true);
add('1.2.840.10008.1.2.4.202', 'High-Throughput JPEG 2000 Lossless, RPCL', 'htj2k', true);
add('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000', 'htj2k', false);
add('1.2.840.10008.1.2.5', 'RLE Lossless', 'rle', true);

export const implicitLittleEndian = syntaxes.get('1.2.840.10008.1.2')!;
export const explicitLittleEndian = syntaxes.get('1.2.840.10008.1.2.1')!;
export const explicitBigEndian = syntaxes.get('1.2.840.10008.1.2.2')!;

/** Looks a UID up; an unknown one is taken for an encapsulated explicit little endian syntax that we cannot decode. */
export function transferSyntax(uid: string): TransferSyntax {
  return (
    syntaxes.get(uid) ?? {
      ...explicitLittleEndian,
      uid,
      name: `unknown transfer syntax ${uid}`,
      compression: 'unsupported',
      lossless: false,
    }
  );
}
