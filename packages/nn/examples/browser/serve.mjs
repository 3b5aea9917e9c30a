// node packages/nn/examples/browser/serve.mjs [--port 8080] [--plain]
// Serves the page beside it, the built package and onnxruntime-web on 127.0.0.1, and prints the address.
// The two headers let the page use threads; --plain leaves them out.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '0' }, plain: { type: 'boolean', default: false } },
});
const here = dirname(fileURLToPath(import.meta.url));
const folders = {
  nn: join(here, '..', '..', 'dist'),
  onnxruntime: dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm')),
};
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** The file behind a path, where there is one: names of a few letters only, so no way leads out of the folders. */
function fileOf(path) {
  if (path === '/') return join(here, 'index.html');
  const [, folder, rest] = /^\/([a-z]+)\/((?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)+)$/.exec(path) ?? [];
  const file = folder in folders ? join(folders[folder], rest) : undefined;
  return file !== undefined && existsSync(file) && statSync(file).isFile() ? file : undefined;
}

const server = createServer((request, response) => {
  const file = fileOf(new URL(request.url, 'http://localhost').pathname);
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    ...(!options.plain && isolation),
  });
  createReadStream(file).pipe(response);
});
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
