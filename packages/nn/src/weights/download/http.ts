import { NetworkError } from '../../errors/network-error.ts';

/** A part of a file on a server, about to be read. */
export interface Transfer {
  /** Whether a part comes, as asked for; a server without byte ranges sends the whole file. */
  readonly isPart: boolean;
  /** First byte that comes. */
  readonly from: number;
  /** Bytes that come, if the server tells. */
  readonly length: number | undefined;
  /** Size of the whole file, if the server tells. */
  readonly total: number | undefined;
  /** Names this version of the file: a strong ETag, else the date of the last change. */
  readonly validator: string | undefined;
  /** The bytes; ends early when the connection does. Throws `ConnectionLost`. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Gives the connection up. */
  abandon(): void;
}

export interface TransferRequest {
  readonly url: string;
  /** Bytes that are wanted (`to` excluded, to the end without it); without it the whole file. */
  readonly range?: { readonly from: number; readonly to?: number };
  /** The range counts for this version only; of another one the whole file comes. */
  readonly validator?: string;
  readonly signal?: AbortSignal;
  /** How long nothing may come before the connection is taken for lost, in ms. */
  readonly patience: number;
}

/** The connection broke, or the server has a passing trouble: the same request may succeed later. */
export class ConnectionLost extends NetworkError {
  constructor(message: string, cause?: unknown) {
    super('download-failed', message, { cause });
  }
}

/**
 * Asks for a file or a part of it; follows redirects.
 * @returns undefined when the server has no such bytes (416)
 * @throws NetworkError 'not-found', 'download-failed' (`ConnectionLost` when it is worth another try); the signal's
 * reason when that is aborted
 */
export async function startTransfer(request: TransferRequest): Promise<Transfer | undefined> {
  const { url, range, validator, signal, patience } = request;
  const stall = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(), patience);
  };
  const lost = (cause: unknown): unknown => {
    if (signal?.aborted) return signal.reason;
    if (stall.signal.aborted)
      return new ConnectionLost(`${hostOf(url)} sent nothing for ${patience / 1000} s.`, cause);
    return cause instanceof NetworkError ? cause : failedConnection(url, cause);
  };
  // Without this a server may pack the file, and then its size and ranges are those of the packed one.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (range !== undefined)
    headers.range = `bytes=${range.from}-${range.to === undefined ? '' : range.to - 1}`;
  if (range !== undefined && validator !== undefined) headers['if-range'] = validator;

  watch();
  try {
    signal?.throwIfAborted();
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([stall.signal, ...(signal === undefined ? [] : [signal])]),
    });
    const abandon = () => {
      clearTimeout(timer);
      response.body?.cancel().catch(() => {});
    };
    if (response.status !== 200 && response.status !== 206) {
      abandon();
      if (response.status === 416) return undefined;
      throw refused(response.status, url);
    }
    return { ...extent(response, url), pieces: read(response, watch, lost), abandon };
  } catch (cause) {
    throw lost(cause);
  } finally {
    // While the body is read its own watch runs.
    clearTimeout(timer);
  }
}

async function* read(
  response: Response,
  watch: () => void,
  lost: (cause: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  const reader = response.body!.getReader();
  try {
    for (;;) {
      watch();
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw lost(cause);
  } finally {
    reader.cancel().catch(() => {});
  }
}

function extent(response: Response, url: string): Omit<Transfer, 'pieces' | 'abandon'> {
  const { headers } = response;
  const etag = headers.get('etag');
  const validator = etag?.startsWith('"') === true ? etag : (headers.get('last-modified') ?? undefined);
  // A packed body has a length that says nothing.
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity';
  const length = isPlain ? count(headers.get('content-length')) : undefined;
  if (response.status === 200) return { isPart: false, from: 0, length, total: length, validator };
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (range === null) {
    throw new NetworkError(
      'download-failed',
      `${hostOf(url)} sends a part of the file and does not tell which (Content-Range: ${headers.get('content-range')}).`,
    );
  }
  const from = Number(range[1]);
  return { isPart: true, from, length: Number(range[2]) + 1 - from, total: count(range[3]!), validator };
}

function count(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function refused(status: number, url: string): NetworkError {
  const what = `${hostOf(url)} answered ${status}`;
  if (status === 404 || status === 410) return new NetworkError('not-found', `${what}: ${url} is not there.`);
  if (status === 408 || status === 429 || status >= 500)
    return new ConnectionLost(`${what}, a trouble that may pass.`);
  return new NetworkError('download-failed', `${what}: it does not give ${url}.`);
}

/** Causes that another try at once does not remove: there is no way to the server. */
const noWay = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN']);

function failedConnection(url: string, cause: unknown): NetworkError {
  // fetch says 'fetch failed'; what failed is in the cause of it.
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = (inner as { code?: unknown } | undefined)?.code;
  const reason = typeof code === 'string' ? code : inner instanceof Error ? inner.message : String(inner);
  const isCertificate = typeof code === 'string' && /CERT|SELF_SIGNED|ERR_TLS/.test(code);
  if (noWay.has(reason) || isCertificate || code === 'ERR_INVALID_URL') {
    return new NetworkError('download-failed', `No connection to ${hostOf(url)} (${reason}).`, { cause });
  }
  return new ConnectionLost(`The connection to ${hostOf(url)} broke (${reason}).`, cause);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
