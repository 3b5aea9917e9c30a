import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sizeOf } from '../../graph/shape.ts';
import { type FileServer, type ServerHabits, startFileServer } from '../../testing/file-server.ts';
import { joinRanges } from '../download/download-arrays.ts';
import { squeezenetArrays } from '../networks/array-lists.ts';
import type { WeightSource } from '../registry.ts';
import { readSafetensors, writeSafetensors } from '../safetensors.ts';
import { findCached, listCached } from './cached-weights.ts';
import { cachedName, pullWeights } from './pull-weights.ts';

/** SqueezeNet, 5 MB: every number tells its place. */
const arrays = Object.fromEntries(
  squeezenetArrays().map(({ name, shape }, k) => [
    name,
    { shape, values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => k * 1e6 + i) },
  ]),
);
const file = writeSafetensors({ arrays, metadata: { format: 'pt' } });
const source: WeightSource = {
  name: 'squeezenet.test',
  network: 'squeezenet1_0',
  url: '',
  approximateBytes: 4.99e6,
  sha256: createHash('sha256').update(file).digest('hex'),
  format: 'safetensors',
  licence: 'CC0-1.0',
  trainedOn: 'nothing',
  input: { channels: 'RGB', scale: 1, mean: [0, 0, 0], sd: [1, 1, 1] },
  citation: '',
};

const root = mkdtempSync(join(tmpdir(), 'glisson-pull-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder = '';
let server: FileServer | undefined;
let number = 0;
beforeEach(() => {
  folder = join(root, `cache-${number++}`);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const serve = async (habits: Partial<ServerHabits> = {}) => {
  server = await startFileServer({ file, etag: '"v1"', ...habits });
  return server;
};
const pull = (
  { only, force }: { only?: string[]; force?: boolean } = {},
  control: Parameters<typeof pullWeights>[2] = {},
) =>
  pullWeights(
    { ...source, url: server!.url },
    { folder, only, force },
    { firstWait: 5, patience: 5000, ...control },
  );
const cached = (name = source.name) => readFileSync(join(folder, `${name}.safetensors`));
const part = (name = source.name) => join(folder, '.parts', `${name}.part`);

describe('a whole file', () => {
  test('is there as it was sent, with its provenance; the second time nothing is asked', async () => {
    await serve({ redirect: true });
    const progress: number[] = [];
    const pulled = await pull(
      {},
      { onProgress: ({ done, total, unit }) => progress.push(done, total) && expect(unit).toBe('MB') },
    );
    expect(pulled.wasThere).toBe(false);
    expect(cached().equals(file)).toBe(true);
    expect(pulled.provenance).toEqual({
      schema: 'glisson.weights/1',
      name: 'squeezenet.test',
      network: 'squeezenet1_0',
      bytes: file.length,
      sha256: source.sha256,
      source: { kind: 'download', url: server!.url },
      checked: ['SHA-256 of the whole file: that of the registry'],
      licence: 'CC0-1.0',
      input: source.input,
    });
    expect(Math.max(...progress)).toBe(5);
    expect(readdirSync(join(folder, '.parts'))).toEqual([]);
    expect(server!.seen.map(({ path }) => path)).toEqual(['/file', '/elsewhere']);

    expect(await pull()).toMatchObject({ wasThere: true, provenance: pulled.provenance });
    expect(server!.seen).toHaveLength(2);
    await pull({ force: true });
    expect(server!.seen).toHaveLength(4);
  });

  test('is gone on with where the connection broke, as often as it breaks', async () => {
    await serve({ dropAfter: 1_500_000 });
    await pull();
    expect(cached().equals(file)).toBe(true);
    expect(server!.seen.length).toBeGreaterThan(3);
    expect(server!.seen[1]!.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(server!.seen[1]!.ifRange).toBe('"v1"');
    // Nothing but what was on the way came twice.
    expect(server!.sent()).toBeLessThan(file.length * 1.3);
  });

  test('begins anew when the file has changed meanwhile', async () => {
    const old = file.map((byte) => byte ^ 1);
    await serve({ file: old, dropAfter: 1_000_000 });
    server!.habits.onRequest = () => {
      if (server!.seen.length === 2)
        Object.assign(server!.habits, { file, etag: '"v2"', dropAfter: undefined });
    };
    await pull();
    expect(cached().equals(file)).toBe(true);
    expect(server!.seen).toHaveLength(2);
  });

  test.each([
    ['without ranges', { ranges: false }],
    ['without a tag', { etag: undefined }],
    ['with a weak tag', { etag: 'W/"v1"' }],
  ])('of a server %s begins anew when the connection breaks', async (_, habits) => {
    await serve({ ...habits, dropAfter: 1_000_000 });
    server!.habits.onRequest = () => {
      if (server!.seen.length === 3) server!.habits.dropAfter = undefined;
    };
    await pull();
    expect(cached().equals(file)).toBe(true);
    expect(server!.seen).toHaveLength(3);
  });

  test('of unknown length', async () => {
    await serve({ chunked: true });
    await pull();
    expect(cached().equals(file)).toBe(true);
  });

  test('that is another one is deleted, with both checksums told', async () => {
    const wrong = file.with(1_000_000, file[1_000_000]! ^ 1);
    await serve({ file: wrong });
    const sha256 = createHash('sha256').update(wrong).digest('hex');
    await expect(pull()).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringContaining(`its SHA-256 is ${sha256}`),
    });
    expect(readdirSync(folder)).toEqual(['.parts']);
    expect(readdirSync(join(folder, '.parts'))).toEqual([]);
  });

  test('of another size is not downloaded', async () => {
    await serve({ file: Buffer.from('<html>Please sign in</html>') });
    await expect(pull()).rejects.toThrow(/has 27 bytes, about 4990000 were expected: it is another file/);
    expect(server!.seen).toHaveLength(1);
  });

  test('that is cancelled is kept, and gone on with by the next call', async () => {
    await serve({ delay: 2 });
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done > 1) controller.abort();
    };
    await expect(pull({}, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const kept = statSync(part()).size;
    expect(kept).toBeGreaterThan(900_000);
    expect(kept).toBeLessThan(file.length);
    expect(existsSync(join(folder, `${source.name}.safetensors`))).toBe(false);

    server!.habits.delay = undefined;
    await pull();
    expect(server!.seen[1]!.range).toBe(`bytes=${kept}-`);
    expect(cached().equals(file)).toBe(true);
  });

  test('that was cancelled before its end was noticed needs no byte more', async () => {
    await serve();
    await pull();
    const whole = cached();
    rmSync(join(folder, `${source.name}.safetensors`));
    writeFileSync(part(), whole);
    writeFileSync(
      `${part()}.json`,
      JSON.stringify({ url: server!.url, validator: '"v1"', purpose: 'whole' }),
    );
    await pull();
    expect(server!.seen[1]!.range).toBe(`bytes=${file.length}-`);
    expect(server!.sent()).toBe(file.length);
  });

  test('whose part is of unknown origin begins anew', async () => {
    await serve();
    await pull();
    rmSync(join(folder, `${source.name}.safetensors`));
    for (const note of ['', '{"url":', '{"url":"x","validator":"\\"v1\\"","purpose":"whole"}', 'null']) {
      writeFileSync(part(), 'rubbish');
      writeFileSync(`${part()}.json`, note);
      await pull({ force: true });
      expect(cached().equals(file)).toBe(true);
    }
  });

  test('is fetched by one process at a time; the lock of one that has ended does not count', async () => {
    await serve({ delay: 1 });
    const [first, second] = await Promise.allSettled([pull(), pull()]);
    expect([first.status, second.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    const failed = first.status === 'rejected' ? first : (second as PromiseRejectedResult);
    expect(failed.reason).toMatchObject({
      code: 'already-exists',
      message: expect.stringContaining(`Process ${process.pid}`),
    });
    expect(cached().equals(file)).toBe(true);

    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(`${part()}.lock`, `${gone} ${hostname()}`);
    server!.habits.delay = undefined;
    await pull({ force: true });
    expect(readdirSync(join(folder, '.parts'))).toEqual([]);
    writeFileSync(`${part()}.lock`, '1 another-machine');
    await expect(pull({ force: true })).rejects.toThrow(/Process 1 another-machine is at .*delete .*\.lock/);
  });
});

describe('troubles of a server', () => {
  test.each([
    [404, 'not-found', 1, /answered 404: http.* is not there/],
    [403, 'download-failed', 1, /answered 403: it does not give/],
    [503, 'download-failed', 3, /answered 503, a trouble that may pass/],
    [429, 'download-failed', 3, /answered 429/],
  ])('status %d', async (status, code, tries, message) => {
    await serve({ status });
    const result = pull({}, { tries: 3 });
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toMatchObject({ name: 'NetworkError', code });
    expect(server!.seen).toHaveLength(tries);
  });

  test('a trouble that passes is waited for', async () => {
    await serve({ status: 503 });
    server!.habits.onRequest = () => {
      if (server!.seen.length === 3) server!.habits.status = undefined;
    };
    await pull();
    expect(cached().equals(file)).toBe(true);
  });

  test('silence is a broken connection', async () => {
    await serve({ delay: 60_000 });
    await expect(pull({}, { patience: 50, tries: 2 })).rejects.toThrow(
      /127.0.0.1:\d+ sent nothing for 0.05 s/,
    );
    expect(server!.seen).toHaveLength(2);
  });

  test('no server, no name, no address: told at once', async () => {
    const control = { tries: 100 };
    const port = new URL((await serve()).url).port;
    await server!.close();
    server = undefined;
    const from = (url: string) => pullWeights({ ...source, url }, { folder }, control);
    await expect(from(`http://127.0.0.1:${port}/file`)).rejects.toMatchObject({
      code: 'download-failed',
      message: `No connection to 127.0.0.1:${port} (ECONNREFUSED).`,
    });
    await expect(from('http://weights.invalid/file')).rejects.toMatchObject({
      code: 'download-failed',
      message: expect.stringMatching(/^No connection to weights.invalid \((ENOTFOUND|EAI_AGAIN)\)\.$/),
    });
    await expect(from('no address')).rejects.toMatchObject({ code: 'download-failed' });
  });
});

describe('some arrays only', () => {
  const only = ['features.3.', 'features.12.'];
  const name = `${source.name}.features.12.+features.3`;
  const wanted = Object.fromEntries(
    Object.entries(arrays).filter(([key]) => only.some((prefix) => key.startsWith(prefix))),
  );
  const bytesOfWanted = Object.values(wanted).reduce((sum, { values }) => sum + values.byteLength, 0);

  test('come by ranges into a smaller file, and nothing else does', async () => {
    await serve({ redirect: true });
    const pulled = await pull({ only });
    const got = readSafetensors(cached(name));
    expect(got.arrays).toEqual(wanted);
    expect(got.metadata).toEqual({ source: server!.url, only: only.join(' '), network: 'squeezenet1_0' });
    expect(
      server!.seen.filter(({ path }) => path === '/elsewhere').map(({ range }) => range?.slice(0, 8)),
    ).toHaveLength(3);
    expect(server!.sent()).toBeLessThan(2 ** 17 + bytesOfWanted + 2 ** 17);
    expect(pulled.provenance).toMatchObject({ name, only, bytes: cached(name).length });
    expect(pulled.provenance.sha256).toBe(createHash('sha256').update(cached(name)).digest('hex'));
    expect(pulled.provenance.checked.join('; ')).toMatch(
      /its header tells of every byte; names and shapes of all arrays: those of squeezenet1_0; .*not the SHA-256 of the whole/,
    );
    expect(await pull({ only })).toMatchObject({ wasThere: true });
    expect(readdirSync(join(folder, '.parts'))).toEqual([]);
  });

  test('all of them, in one range, are the whole file with another header', async () => {
    await serve();
    const all = ['classifier', 'features'];
    await pull({ only: all });
    expect(readSafetensors(cached(cachedName(source, all))).arrays).toEqual(arrays);
    expect(server!.seen).toHaveLength(2);
  });

  test('whose connection breaks, again and again', async () => {
    await serve({ dropAfter: 200_000 });
    await pull({ only });
    expect(readSafetensors(cached(name)).arrays).toEqual(wanted);
    expect(server!.seen.length).toBeGreaterThan(3);
  });

  test('are gone on with after a cancellation', async () => {
    await serve({ delay: 2 });
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done > 500) controller.abort();
    };
    await expect(pull({ only }, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const kept = statSync(part(name)).size;
    expect(kept).toBeGreaterThan(400_000);
    server!.habits.delay = undefined;
    const before = server!.sent();
    await pull({ only });
    expect(readSafetensors(cached(name)).arrays).toEqual(wanted);
    expect(server!.sent() - before).toBeLessThan(2 ** 18 + bytesOfWanted - kept + 2 ** 16);
  });

  test('of a file that changes meanwhile are refused, and come anew the next time', async () => {
    await serve();
    server!.habits.onRequest = () => {
      if (server!.seen.length === 2) server!.habits.etag = '"v2"';
    };
    await expect(pull({ only })).rejects.toThrow(/changed while it was downloaded/);
    await pull({ only });
    expect(readSafetensors(cached(name)).arrays).toEqual(wanted);
  });

  test("whose server's tag is the checksum of the registry say so", async () => {
    await serve({ etag: `"${source.sha256}"` });
    const { provenance } = await pull({ only });
    expect(provenance.checked).toContain("that the server's tag of the file is its SHA-256");
  });

  test.each([
    [
      'a server without ranges',
      { ranges: false },
      'unsupported',
      /its server gives no byte ranges. Fetch the whole file/,
    ],
    ['no safetensors', { file: new Uint8Array(4.99e6).fill(65) }, 'damaged', /the header claims/],
    [
      'another network',
      {
        file: writeSafetensors({
          arrays: { a: { shape: [1247500], values: new Float32Array(1247500) } },
          metadata: {},
        }),
      },
      'checksum-mismatch',
      /is not squeezenet.test: None of the 1 arrays/,
    ],
    ['another size', { file: file.subarray(0, 1e6) }, 'damaged', /does not fit/],
    [
      'one array of another shape',
      {
        file: writeSafetensors({
          arrays: { ...arrays, 'features.3.squeeze.bias': { shape: [17], values: new Float32Array(17) } },
          metadata: {},
        }),
      },
      'checksum-mismatch',
      /features.3.squeeze.bias is \[16\], features.3.squeeze.bias of the file \[17\]/,
    ],
    ['no file', { status: 404 }, 'not-found', /is not there/],
  ])('%s', async (_, habits, code, message) => {
    await serve(habits);
    const result = pull({ only });
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toMatchObject({ name: 'NetworkError', code });
    expect(await listCached(folder)).toEqual([]);
  });

  test('a prefix that no array has', async () => {
    await serve();
    await expect(pull({ only: ['encoder.'] })).rejects.toThrow(
      /No array of .* begins with 'encoder.'. It has features.0.weight/,
    );
  });
});

test('neighbouring ranges are joined, far ones not; what is done is left out', () => {
  const ranges = [
    { from: 0, to: 10 },
    { from: 10, to: 20 },
    { from: 1000, to: 1010 },
    { from: 200_000, to: 200_010 },
  ];
  expect(joinRanges(ranges, 0)).toEqual([ranges.slice(0, 3), ranges.slice(3)]);
  expect(joinRanges(ranges, 15)).toEqual([[{ from: 15, to: 20 }, ranges[2]], [ranges[3]]]);
  expect(joinRanges(ranges, 30)).toEqual([[ranges[3]]]);
  expect(joinRanges(ranges, 40)).toEqual([]);
});

test('a cached file of another size, or without provenance, is listed with its problem', async () => {
  await serve();
  await pull();
  writeFileSync(join(folder, `${source.name}.safetensors`), 'cut');
  writeFileSync(join(folder, 'stranger.safetensors'), 'who?');
  expect((await listCached(folder)).map(({ provenance, problem }) => [provenance.name, problem])).toEqual([
    ['squeezenet.test', `has 3 bytes instead of ${file.length}`],
    ['stranger', 'nothing tells where this file came from'],
  ]);
  expect(await findCached(folder, 'none')).toBe(undefined);
  expect(await listCached(join(folder, 'none'))).toEqual([]);
  // A damaged one is brought again.
  expect(await pull()).toMatchObject({ wasThere: false });
  expect(cached().equals(file)).toBe(true);
});
