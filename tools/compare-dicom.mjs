// Reads every file of a folder with Glisson, pydicom and GDCM, and prints where they agree, voxel for voxel:
//   node tools/compare-dicom.mjs FOLDER [--python /usr/bin/python3] [--json]
// "stored" are the stored pixel values; "values" those after the Modality LUT or rescale (HU for CT).
// Needs Debian's python3-pydicom and python3-gdcm. Exit code 1 when a lossless single-sample image differs
// from both peers, or from the only one that reads it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readModalityValues } from '@glisson/imaging/dicom/modality-values';
import { readStoredPixels } from '@glisson/imaging/dicom/stored-pixels';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
  },
});
const folder = positionals[0];
if (folder === undefined) {
  console.error('usage: node tools/compare-dicom.mjs FOLDER [--python PYTHON] [--json]');
  process.exit(2);
}

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

const arrays = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
};

function load(saved) {
  const bytes = readFileSync(saved.file);
  return new arrays[saved.type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** `equal`, or how many voxels differ and by how much at most. */
function difference(ours, saved) {
  if (saved === undefined) return undefined;
  const theirs = load(saved);
  if (theirs.length !== ours.length) return `${ours.length} against ${theirs.length} values`;
  let count = 0;
  let most = 0;
  for (let i = 0; i < ours.length; i++) {
    const d = Math.abs(ours[i] - theirs[i]);
    if (d > 1e-9 * Math.max(1, Math.abs(theirs[i]))) {
      count++;
      most = Math.max(most, d);
    }
  }
  return count === 0 ? 'equal' : `${count} differ, by ${Number(most.toPrecision(4))} at most`;
}

async function attempt(read) {
  try {
    return { result: await read() };
  } catch (error) {
    return { error: error.code ? `${error.code}: ${error.message}` : `CRASH ${error.stack}` };
  }
}

async function compare(path, peers) {
  const bytes = readFileSync(path);
  const stored = await attempt(() => readStoredPixels(bytes));
  const row = { file: relative(folder, path) || path };
  if (stored.error) row.ours = stored.error;
  else {
    const { rows, columns, frames, samples, transferSyntaxUid, lossless } = stored.result;
    Object.assign(row, {
      ours: 'read',
      size: [frames, rows, columns, samples],
      syntax: transferSyntaxUid,
      lossless,
    });
  }
  const values = stored.error || row.size[3] > 1 ? undefined : await attempt(() => readModalityValues(bytes));
  for (const peer of ['pydicom', 'gdcm']) {
    const theirs = peers[peer];
    if (theirs.error) row[peer] = { reason: theirs.error };
    else if (stored.result) {
      row[peer] = {
        stored: difference(stored.result.values, theirs.stored),
        values: values?.result && difference(values.result.values, theirs.values),
      };
    } else row[peer] = { reason: 'reads it' };
  }
  row.verdict = judge(row);
  return row;
}

/** Lossless single-sample images must equal a peer; where the peers disagree, one of them. */
function judge(row) {
  if (row.ours.startsWith('CRASH')) return 'crash';
  const read = [row.pydicom, row.gdcm].filter((peer) => peer.stored !== undefined);
  if (row.ours !== 'read') {
    return [row.pydicom, row.gdcm].some((peer) => peer.reason === 'reads it')
      ? 'only peers read it'
      : 'refused';
  }
  if (read.length === 0) return 'only we read it';
  const equal = read.filter((peer) => peer.stored === 'equal' && (peer.values ?? 'equal') === 'equal').length;
  if (equal === read.length) return 'equal';
  if (row.size[3] > 1) return 'colour: not compared strictly';
  if (!row.lossless) return 'lossy: decoders may differ';
  return equal > 0 ? 'peers differ' : 'DIFFERS';
}

const out = mkdtempSync(join(tmpdir(), 'compare-dicom-'));
const rows = [];
try {
  const files = filesUnder(folder);
  const script = fileURLToPath(new URL('compare_dicom.py', import.meta.url));
  const python = spawn(options.python, [script, out], { stdio: ['pipe', 'pipe', 'inherit'] });
  const finished = new Promise((resolve, reject) => {
    python.on('error', reject);
    python.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${options.python} ended with ${code}`)),
    );
  });
  finished.catch(() => {});
  python.stdin.end(files.join('\n'));
  for await (const line of createInterface({ input: python.stdout })) {
    const { path, ...peers } = JSON.parse(line);
    rows.push(await compare(path, peers));
    for (const peer of Object.values(peers)) {
      for (const saved of [peer.stored, peer.values]) if (saved) rmSync(saved.file);
    }
  }
  await finished;
} finally {
  rmSync(out, { recursive: true, force: true });
}

const show = (peer) =>
  peer.reason ?? [`stored ${peer.stored}`, peer.values && `values ${peer.values}`].filter(Boolean).join(', ');
if (options.json) console.log(JSON.stringify({ schema: 'glisson.compare-dicom/1', rows }));
else {
  for (const row of rows) {
    console.log(row.file);
    console.log(
      `    ${row.verdict}${row.size ? ` (${row.size.join(' x ')}, ${row.syntax})` : `: ${row.ours}`}`,
    );
    if (row.verdict !== 'refused')
      console.log(`    pydicom: ${show(row.pydicom)}\n    GDCM:    ${show(row.gdcm)}`);
  }
  const counts = {};
  for (const { verdict } of rows) counts[verdict] = (counts[verdict] ?? 0) + 1;
  console.log(
    Object.entries(counts)
      .map(([verdict, count]) => `${count} ${verdict}`)
      .join('; '),
  );
}
process.exitCode = rows.some((row) => row.verdict === 'DIFFERS' || row.verdict === 'crash') ? 1 : 0;
