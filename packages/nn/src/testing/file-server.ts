import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a test's server behaves; may be changed while it runs. */
export interface ServerHabits {
  file: Uint8Array;
  /** Answers ranges (default true). */
  ranges?: boolean;
  etag?: string | undefined;
  /** Ends the connection after so many bytes of each answer's body. */
  dropAfter?: number | undefined;
  /** Waits so long before each piece, in ms. */
  delay?: number;
  /** Answers so instead of the file. */
  status?: number | undefined;
  /** Sends no Content-Length. */
  chunked?: boolean;
  /** Redirects once to another path. */
  redirect?: boolean;
  /** Is called when a request comes. */
  onRequest?: (seen: SeenRequest) => void;
}

export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

export interface FileServer {
  readonly url: string;
  readonly habits: ServerHabits;
  /** Requests so far, redirected ones twice. */
  readonly seen: SeenRequest[];
  /** Bytes of bodies that were sent. */
  readonly sent: () => number;
  close(): Promise<void>;
}

const pieceSize = 2 ** 14;

/** A server of one file on the loopback interface, for tests. */
export async function startFileServer(habits: ServerHabits): Promise<FileServer> {
  const seen: SeenRequest[] = [];
  let sent = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { range, 'if-range': ifRange } = request.headers;
    const wanted = { path: request.url ?? '', range, ifRange: ifRange as string | undefined };
    seen.push(wanted);
    habits.onRequest?.(wanted);
    if (habits.redirect === true && request.url === '/file') {
      response.writeHead(302, { location: '/elsewhere' }).end('moved');
      return;
    }
    if (habits.status !== undefined) {
      response.writeHead(habits.status).end('no file');
      return;
    }
    const { file, etag } = habits;
    const headers: Record<string, string> = etag === undefined ? {} : { etag };
    const match = habits.ranges === false ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const isOther = ifRange !== undefined && ifRange !== etag;
    let body = file;
    let status = 200;
    if (match !== null && !isOther) {
      const from = Number(match[1]);
      const to = match[2] === '' ? file.length : Math.min(Number(match[2]) + 1, file.length);
      if (from >= to) {
        response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
        return;
      }
      body = file.subarray(from, to);
      status = 206;
      headers['content-range'] = `bytes ${from}-${to - 1}/${file.length}`;
    }
    if (habits.chunked !== true) headers['content-length'] = String(body.length);
    response.writeHead(status, headers);
    for (let at = 0; at < body.length; at += pieceSize) {
      if (habits.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, habits.delay));
      if (response.destroyed) return;
      const piece = body.subarray(at, Math.min(at + pieceSize, habits.dropAfter ?? Number.POSITIVE_INFINITY));
      sent += piece.length;
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (habits.dropAfter !== undefined && at + pieceSize >= habits.dropAfter) {
        response.destroy();
        return;
      }
    }
    response.end();
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/file`,
    habits,
    seen,
    sent: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
