import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileServer, type ServerHabits, startFileServer } from '@glisson/nn/testing/file-server';
import { call, global, text } from '@glisson/nn/testing/write-pickle';
import { torchZip } from '@glisson/nn/testing/write-torch';
import { resnetArrays } from '@glisson/nn/weights/networks/array-lists';
import { weightSources } from '@glisson/nn/weights/registry';
import { readSafetensors, writeSafetensors } from '@glisson/nn/weights/safetensors';
import { afterAll, afterEach, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bin/glisson.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'glisson-cli-weights-'));
afterAll(() => rmSync(root, { recursive: true }));
const cache = join(root, 'cache', 'weights');

let server: FileServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
async function serve(habits: ServerHabits): Promise<string> {
  server = await startFileServer({ etag: '"v1"', ...habits });
  return server.url;
}

/** Runs the built command without blocking, so that this process can serve it. */
async function glisson(
  args: readonly string[],
  onStderr: (text: string, stop: () => void) => void = () => {},
) {
  const child = spawn(process.execPath, [program, 'weights', ...args], {
    cwd: root,
    env: { ...process.env, GLISSON_CACHE: join(root, 'cache') },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    onStderr(stderr, () => child.kill('SIGINT'));
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, stdout, stderr };
}

async function asJson(...args: string[]) {
  const { status, stdout, stderr } = await glisson([...args, '--json']);
  return { status, document: JSON.parse(stdout), stderr };
}

/** A ResNet18 of the registry's size; every array is filled with its number. */
const arrays = Object.fromEntries(
  resnetArrays(18).map(({ name, shape }, i) => [
    name,
    { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i) },
  ]),
);
const resnet = writeSafetensors({ arrays, metadata: {} });

describe('weights list', () => {
  test('names what can be pulled; an empty cache is said to be empty', async () => {
    const { status, stdout } = await glisson(['list']);
    expect(status).toBe(0);
    for (const { name, licence } of weightSources) expect(stdout).toMatch(new RegExp(`${name} .*${licence}`));
    expect(stdout).toContain(`The cache is empty: ${cache}`);
    expect((await asJson('list')).document).toMatchObject({
      schema: 'glisson.weights-list/1',
      folder: cache,
      sources: weightSources,
      cached: [],
    });
    expect(existsSync(cache)).toBe(false);
  });
});

describe('weights pull', () => {
  test('brings some arrays by ranges, says what was checked, and lists them', async () => {
    const from = await serve({ file: resnet });
    const args = ['pull', 'resnet18.tv_in1k', '--only', 'conv1.', '--only', 'bn1.', '--from', from];
    const { status, stdout, stderr } = await glisson(args);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/downloading .*39 kB/);
    expect(stdout).toMatch(/Wrote: .*resnet18.tv_in1k.bn1.\+conv1.safetensors \(0.039\d MB\)/);
    expect(stdout).toMatch(
      /licence {4}BSD-3-Clause\n {2}checked .*\n .*names and shapes.*resnet18\n.*not the SHA-256/,
    );
    expect(server!.sent()).toBeLessThan(1e6);
    const written = readSafetensors(readFileSync(join(cache, 'resnet18.tv_in1k.bn1.+conv1.safetensors')));
    expect(Object.keys(written.arrays)).toEqual(Object.keys(arrays).slice(0, 5));

    expect((await glisson(args)).stdout).toMatch(/^Already there: /);
    // As the publisher's page and timm name them.
    const named = await glisson(args.with(1, 'timm/resnet18.tv_in1k'));
    expect(named.stdout).toMatch(/^Already there: .*resnet18.tv_in1k.bn1.\+conv1.safetensors/);
    expect((await glisson(['list'])).stdout).toMatch(
      /resnet18.tv_in1k.bn1.\+conv1 +resnet18 .*only conv1. bn1./,
    );
  });

  test('of another file fails by its checksum, and leaves nothing', async () => {
    const { status, document } = await asJson(
      'pull',
      'resnet18.tv_in1k',
      '--from',
      await serve({ file: resnet }),
    );
    expect(status).toBe(1);
    expect(document.error.code).toBe('checksum-mismatch');
    expect(readdirSync(join(cache, '.parts'))).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')(
    'that is stopped by Ctrl-C keeps what has come, and goes on from there',
    async () => {
      const args = ['pull', 'resnet18.tv_in1k', '--from', await serve({ file: resnet, delay: 10 })];
      let isStopped = false;
      const stopped = await glisson(args, (stderr, stop) => {
        if (!isStopped && /downloading/.test(stderr) && server!.sent() > 1e6) {
          isStopped = true;
          stop();
        }
      });
      // The progress of a pipe comes every five seconds: by then something has come.
      expect(stopped.status, stopped.stderr).toBe(130);
      expect(stopped.stderr).toContain('the same command goes on from there');
      const part = readFileSync(join(cache, '.parts', 'resnet18.tv_in1k.part'));
      expect(part.length).toBeGreaterThan(1e6);
      expect(part.equals(resnet.subarray(0, part.length))).toBe(true);
      server!.habits.delay = undefined;
      // All of it comes; that it is no real ResNet18 the checksum finds out.
      expect((await asJson(...args)).document.error.code).toBe('checksum-mismatch');
      expect(server!.seen.at(-1)!.range).toBe(`bytes=${part.length}-`);
    },
  );

  test('without a network says how to bring the file by hand', async () => {
    await serve({ file: resnet });
    const { url } = server!;
    await server!.close();
    server = undefined;
    const source = weightSources[0]!;
    const { status, stderr } = await glisson(['pull', source.name, '--from', url]);
    expect(status).toBe(1);
    expect(stderr).toContain('glisson: The weights vgg16.tv_in1k could not be downloaded.');
    expect(stderr).toContain(`download ${source.url} (553 MB)`);
    expect(stderr).toContain('glisson weights import FILE');
    expect(stderr).toContain(source.sha256);
    expect(stderr).toContain(join(cache, 'vgg16.tv_in1k.safetensors'));
    expect(stderr).not.toMatch(/\n\s+at .+:\d+:\d+/);
    const { document } = await asJson('pull', source.name, '--from', url);
    expect(document.error).toMatchObject({
      code: 'download-failed',
      where: url,
      found: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  test('of what is not there, or not in parts', async () => {
    const gone = await asJson(
      'pull',
      'resnet18.tv_in1k',
      '--from',
      await serve({ file: resnet, status: 404 }),
    );
    expect(gone.document.error).toMatchObject({
      code: 'not-found',
      advice: expect.stringContaining('weights import FILE'),
    });
    await server!.close();
    const whole = await asJson(
      'pull',
      'resnet18.tv_in1k',
      '--only',
      'layer1.',
      '--from',
      await serve({ file: resnet, ranges: false }),
    );
    expect(whole.document.error).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('no byte ranges'),
    });
  });

  test('of an unknown name tells the known ones', async () => {
    const { status, document } = await asJson('pull', 'resnet18');
    expect(status).toBe(1);
    expect(document.error).toMatchObject({ code: 'not-found', advice: 'Did you mean resnet18.tv_in1k?' });
    expect((await asJson('pull', 'bert')).document.error.expected).toContain('densenet121.tv_in1k');
  });
});

describe('weights import', () => {
  test('recognises the network, and keeps where the file came from', async () => {
    const renamed = Object.fromEntries(
      Object.entries(arrays)
        .filter(([name]) => !name.startsWith('layer4.'))
        .map(([name, array]) => [`module.${name}`, array]),
    );
    writeFileSync(join(root, 'brought.safetensors'), writeSafetensors({ arrays: renamed, metadata: {} }));
    const { status, stdout } = await glisson(['import', 'brought.safetensors', '--name', 'mine']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Wrote .*mine.safetensors: 77 arrays, 13.2 MB\n {2}network {4}resnet18\n/);
    expect(stdout).toContain('Loaded 77 of 102 arrays.');
    expect(stdout).toMatch(/In the network, not in the file \(25\):\n {2}layer4.0.conv1.weight/);
    expect(readSafetensors(readFileSync(join(cache, 'mine.safetensors'))).arrays['bn1.bias']).toEqual(
      arrays['bn1.bias'],
    );

    const again = await asJson('import', 'brought.safetensors', '--name', 'mine');
    expect([again.status, again.document.error.code]).toEqual([1, 'already-exists']);
    const { document } = await asJson('import', 'brought.safetensors', '--name', 'mine', '--force');
    expect(document).toMatchObject({
      schema: 'glisson.weights-import/1',
      provenance: { network: 'resnet18', source: { kind: 'file', file: 'brought.safetensors' } },
      report: { skipped: [] },
    });
    expect((await glisson(['list'])).stdout).toMatch(/mine +resnet18 +13.2 MB +brought.safetensors/);
  });

  test('of a pickle that asks for something is refused with what it asked for', async () => {
    writeFileSync(join(root, 'evil.pth'), evilZip());
    const { status, document } = await asJson('import', 'evil.pth');
    expect(status).toBe(1);
    expect(document.error).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining("'posix.system'"),
    });
    expect((await asJson('import', 'none.pth')).document.error.code).toBe('not-found');
  });
});

test.each([
  [['lost'], /Expected list, pull or import, found 'lost'/],
  [['pull'], /needs a name/],
  [['import'], /needs a file/],
  [['list', 'x'], /takes no 'x'/],
  [['list', '--force'], /--force does not go with weights list/],
  [['import', 'x', '--only', 'a.'], /--only does not go with weights import/],
  [['pull', 'x', '--name', 'a'], /--name does not go with weights pull/],
])('weights %j is a wrong command line', async (args, message) => {
  const { status, document } = await asJson(...args);
  expect(status).toBe(2);
  expect(document.error.code).toBe('usage');
  expect(document.error.message).toMatch(message);
});

/** os.system('true') in the pickle of a torch.save file. */
function evilZip(): Uint8Array {
  return torchZip(call(global('posix', 'system'), text('true')), {});
}
