/** What a compressed stream says of itself. */
export interface StreamSize {
  readonly columns: number;
  readonly rows: number;
  readonly samples: number;
}

/**
 * Size of a JPEG or JPEG-LS stream, from its frame header (ITU-T T.81 section B.2.2, T.87 section C.2.2), or of a
 * JPEG 2000 or HTJ2K codestream, bare or in a JP2 file, from its SIZ marker (T.800 section A.5.1).
 * Undefined when there is none.
 */
export function streamSize(stream: Uint8Array): StreamSize | undefined {
  return stream[0] === 0xff && stream[1] === 0xd8 ? jpegSize(stream) : codestreamSize(stream);
}

function jpegSize(stream: Uint8Array): StreamSize | undefined {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let at = 2;
  while (at + 10 <= stream.length) {
    if (stream[at] !== 0xff) return undefined;
    const marker = stream[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame =
      (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) ||
      marker === 0xf7;
    if (isFrame) {
      return { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7), samples: stream[at + 9]! };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function codestreamSize(stream: Uint8Array): StreamSize | undefined {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  for (let at = 0; at + 42 <= stream.length; at++) {
    if (view.getUint32(at) !== 0xff4fff51) continue;
    return {
      columns: view.getUint32(at + 8) - view.getUint32(at + 16),
      rows: view.getUint32(at + 12) - view.getUint32(at + 20),
      samples: view.getUint16(at + 40),
    };
  }
  return undefined;
}
