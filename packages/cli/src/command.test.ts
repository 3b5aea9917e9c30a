import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { writePhantoms } from '@glisson/imaging/phantom/write-phantoms';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { encodeModel } from '@glisson/nn/onnx/encode-model';
import { thresholdForeignPlan, thresholdOnnx } from '@glisson/pipeline/testing/foreign-models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../bin/glisson.js', import.meta.url));
let folder = '';
const at = (...parts: string[]) => join(folder, ...parts);

/** Runs the built command in the test's folder. */
function glisson(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Runs with --json: stdout must be one JSON document and nothing else, whatever happens. */
function asJson(...args: string[]) {
  const { status, stdout, stderr } = glisson(...args, '--json');
  expect(stdout.endsWith('\n') && stdout.indexOf('\n') === stdout.length - 1, stdout).toBe(true);
  return { status, document: JSON.parse(stdout), stderr };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-cli-'));
  await writePhantoms(at('data'), { patients: 2, seed: 5, columns: 32, slices: 6, coverage: 'liver' });
  mkdirSync(at('empty'));
  writeFileSync(at('notes.txt'), 'no scan\n');
  cpSync(at('data/patient-001/dicom'), at('broken'), { recursive: true });
  const third = at('broken', readdirSync(at('broken'))[2]!);
  truncateSync(third, Math.floor(statSync(third).size * 0.7));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the built command', () => {
  test('inspect describes a dataset: one JSON document on stdout, progress on stderr', () => {
    const { status, document, stderr } = asJson('inspect', 'data');
    expect(status).toBe(0);
    expect(document).toMatchObject({ schema: 'glisson.inspect/1', layout: 'glisson-phantom' });
    expect(document.items).toHaveLength(2);
    expect(document.items[0]).toMatchObject({ kind: 'scan', format: 'dicom', modality: 'CT' });
    expect(document.items[0].geometry).toMatchObject({
      size: [32, 32, 6],
      orientationCode: 'LPS',
      plane: 'axial',
    });
    expect(stderr).toContain('inspect  2/2 scans');
    expect(glisson('inspect', 'data', '--json', '--quiet').stderr).toBe('');
  });

  test('explain draws the windows of a slice into a folder or a file', () => {
    const from = ['data/patient-001/dicom', '--labels', 'data/patient-001/truth.nii.gz'];
    const said = asJson('explain', 'windows', ...from, '--blocks', '2x3', '--patch', '9', '--out', 'windows');
    expect(said.status).toBe(0);
    expect(said.document.blocks).toMatchObject({ rows: 2, columns: 3 });
    expect(said.document.blocks.shares).toHaveLength(6);
    expect(said.document.windows).toMatchObject({ patch: 9, stride: 8, columns: 4, rows: 4 });
    const patches = readdirSync(at('windows')).filter((name) => name.startsWith('patch-'));
    expect(patches).toHaveLength(said.document.examples.length);
    expect(readFileSync(at('windows/windows.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(asJson('explain', 'windows', ...from, '--out', 'windows').document.error.code).toBe(
      'already-exists',
    );
    expect(glisson('explain', 'windows', ...from, '--patch', '9', '--out', 'windows', '--force').status).toBe(
      0,
    );
    expect(glisson('explain', 'windows', ...from, '--patch', '9', '--out', 'one.png').status).toBe(0);
    expect(readFileSync(at('one.png')).equals(readFileSync(at('windows/windows.png')))).toBe(true);
  });

  test('explain prints the layers of a network', () => {
    const { stdout, status } = glisson('explain', 'network', 'patch-small', '--stride', '4');
    expect(status).toBe(0);
    expect(stdout).toMatch(/stage3\.second\.conv +convolution +64 x 9 x 9 +33 +4/);
    expect(stdout).toContain('78.4 times fewer');
    const { document } = asJson('explain', 'network', 'vgg16');
    expect(document.analysis.parameters).toBe(134_268_738);
  });

  test('inspect writes a page that needs nothing from outside', () => {
    expect(glisson('inspect', 'data', '--html', 'page.html').status).toBe(0);
    const page = readFileSync(at('page.html'), 'utf8');
    expect(page).toContain('data:image/jpeg;base64,');
    expect(page).toContain('not a medical device');
    expect(page).not.toMatch(/<script|(?:src|href)=["']?(?:https?:|\/\/)/);
  });

  test('convert keeps values and geometry from DICOM to a file, and back to DICOM', async () => {
    const original = await readScan(at('data/patient-001/dicom'));
    for (const name of ['scan.nii.gz', 'scan.nrrd', 'scan.mha']) {
      expect(glisson('convert', 'data/patient-001/dicom', name).status, name).toBe(0);
      const { volume } = await readScan(at(name));
      expect(Array.from(volume.voxels), name).toEqual(Array.from(original.volume.voxels));
    }
    expect(glisson('convert', 'scan.nii.gz', 'again', '--to', 'dicom').status).toBe(0);
    const again = await readScan(at('again'));
    expect(Array.from(again.volume.voxels)).toEqual(Array.from(original.volume.voxels));
    again.volume.geometry.origin.forEach((mm, axis) => {
      expect(mm).toBeCloseTo(original.volume.geometry.origin[axis]!, 3);
    });
  });

  test('convert resamples labels without inventing values, and draws slices as PNG', async () => {
    const truth = 'data/patient-001/truth.nii.gz';
    const { document } = asJson('convert', truth, 'coarse.nii.gz', '--labels', '--spacing', '12,12,10');
    expect(document.geometry.spacing.map(Math.round)).toEqual([12, 12, 10]);
    const { voxels } = await readLabelmap(at('coarse.nii.gz'));
    expect(new Set(voxels).size).toBeLessThanOrEqual(3);
    expect(glisson('convert', 'data/patient-001/dicom', 'slices', '--to', 'png').status).toBe(0);
    expect(readdirSync(at('slices'))).toEqual([
      '0001.png',
      '0002.png',
      '0003.png',
      '0004.png',
      '0005.png',
      '0006.png',
    ]);
  });

  test('evaluate scores a pair; a labelmap against itself is perfect', () => {
    const truth = 'data/patient-001/truth.nii.gz';
    const { status, document } = asJson('evaluate', '--reference', truth, '--prediction', truth);
    expect(status).toBe(0);
    expect(document.cases[0]).toMatchObject({ liver: { dice: 1, iou: 1 }, lesion: { dice: 1, iou: 1 } });
  });

  test('segment runs a network of somebody else by its plan, with all outputs', async () => {
    const study = 'data/patient-001/dicom';
    const model = encodeModel(thresholdOnnx({ layout: 'NHWC', output: 'labels' }));
    writeFileSync(at('theirs.onnx'), model);
    const plan = { ...thresholdForeignPlan({ layout: 'NHWC', output: 'labels' }), name: 'their net' };
    writeFileSync(at('theirs.json'), JSON.stringify({ ...plan, model: { file: 'theirs.onnx' } }));
    const first = asJson('segment', study, '--out', 'foreign', '--model', 'theirs.json');
    expect(first.status).toBe(0);
    const sha256 = createHash('sha256').update(model).digest('hex');
    expect(first.document.model).toEqual({ path: at('theirs.onnx'), sha256, plan: 'theirs.json' });
    const names = readdirSync(at('foreign')).sort();
    expect(names).toEqual([
      'labels.nii.gz',
      'lesions.csv',
      'lesions.json',
      'masks',
      'masks-liver',
      'overview.png',
      'provenance.json',
      'report.html',
    ]);
    const provenance = JSON.parse(readFileSync(at('foreign/provenance.json'), 'utf8'));
    expect(provenance.model).toMatchObject({
      sha256,
      recipe: 'foreign network their net',
      planFile: 'theirs.json',
    });
    expect(provenance.settings.output).toMatchObject({ activation: 'labels' });
    expect(readFileSync(at('foreign/report.html'), 'utf8')).toContain('foreign network their net');

    // What the thresholds say of each voxel, but for the smoothing of rules: liver where 85 to 150 HU are.
    const { voxels } = await readLabelmap(at('foreign/labels.nii.gz'));
    const { volume } = await readScan(at(study));
    const found = Array.from(voxels, (label, i) => (label === 1 ? volume.voxels[i]! : Number.NaN)).filter(
      Number.isFinite,
    );
    expect(found.filter((hu) => hu >= 85 && hu < 150).length / found.length).toBeGreaterThan(0.9);

    const again = ['segment', study, '--out', 'foreign-2', '--model', 'theirs.onnx', '--plan', 'theirs.json'];
    expect(glisson(...again).status).toBe(0);
    expect(readFileSync(at('foreign-2/labels.nii.gz'))).toEqual(readFileSync(at('foreign/labels.nii.gz')));

    writeFileSync(at('wrong.json'), JSON.stringify({ ...plan, tile: { size: [64, 64], multipleOf: 5 } }));
    const wrong = asJson(
      'segment',
      study,
      '--out',
      'wrong',
      '--model',
      'theirs.onnx',
      '--plan',
      'wrong.json',
    );
    expect(wrong.status).toBe(1);
    expect(wrong.document.error).toMatchObject({ code: 'plan-invalid', where: 'wrong.json' });
  });

  test('doctor says what a bug report needs', () => {
    const { document } = asJson('doctor', '--threads', '1');
    expect(document).toMatchObject({ schema: 'glisson.doctor/1', problems: [], cpu: { threads: 1 } });
    expect(document.engine.version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('mistakes', () => {
  /** Expects a typed error with an exit code, and no stack trace for the user. */
  function fails(exitCode: number, code: string | RegExp, ...args: string[]) {
    const { status, document, stderr } = asJson(...args);
    expect(status, args.join(' ')).toBe(exitCode);
    expect(document.error.code, JSON.stringify(document)).toMatch(code);
    expect(document.error.message.length).toBeGreaterThan(10);
    expect(stderr).toContain('glisson: ');
    expect(stderr).not.toMatch(/\n\s+at .+:\d+:\d+/);
    return document.error;
  }

  test('of the command line end with 2', () => {
    fails(2, 'usage', 'inspekt', 'data');
    fails(2, 'usage', 'inspect', 'data', '--htlm', 'x');
    fails(2, 'usage', 'phantom', 'p', '--patients', 'two');
    fails(2, 'usage', 'convert', 'notes.txt', 'out');
    fails(2, 'usage', 'explain', 'everything', 'data');
    fails(2, 'usage', 'explain', 'patch', 'run');
    fails(2, 'usage', 'explain', 'patch', 'run', 'data/patient-001/dicom', '--out', 'x.png');
    fails(2, 'usage', 'explain', 'patch', 'run', 'data/patient-001/dicom', '--out', 'x.png', '--at', '3,4');
    fails(2, 'usage', 'explain', 'dense', 'run', 'data/patient-001/dicom');
    fails(2, 'usage', 'explain', 'dense', 'run', 'data/patient-001/dicom', '--slices', '3-1');
    fails(2, 'usage', 'explain', 'network', 'vgg16', 'more');
    fails(2, 'option-invalid', 'explain', 'network', 'vgg17');
    fails(2, 'usage', 'explain', 'windows', 'data/patient-001/dicom');
    fails(2, 'usage', 'explain', 'windows', 'data/patient-001/dicom', '--out', 'x.png', '--blocks', '4');
    fails(2, 'usage', 'convert', 'notes.txt', 'out.nii.gz', '--to', 'png');
  });

  test('of the input end with 1 and a reason', async () => {
    fails(1, 'not-found', 'inspect', 'nowhere');
    fails(1, 'not-found', 'convert', 'empty', 'out.nii.gz');
    fails(1, /^not-an-image$|^unsupported$/, 'convert', 'notes.txt', 'out.nii.gz');
    fails(1, 'damaged', 'convert', 'broken', 'out.nii.gz');
    fails(1, 'model-invalid', 'segment', 'data/patient-001/dicom', '--out', 'result', '--model', 'empty');
    fails(1, 'data-invalid', 'evaluate', '--reference', 'nowhere', '--prediction', 'nowhere');
    expect(readdirSync(folder).filter((name) => /^(\.|out|result)/.test(name))).toEqual([]);

    const empty = asJson('inspect', 'empty');
    expect(empty.status).toBe(1);
    expect(empty.document.findings[0].code).toBe('nothing-found');
  });

  test('labels on another grid are not compared', async () => {
    const { geometry, voxels } = await readLabelmap(at('data/patient-001/truth.nii.gz'));
    const [x, y, z] = geometry.origin;
    const moved: Geometry = { ...geometry, origin: [x + 3, y, z] };
    await writeLabelmapFile(at('moved.nii.gz'), createLabelmap(moved, voxels, liverLabels));
    const truth = 'data/patient-001/truth.nii.gz';
    fails(1, 'geometry-mismatch', 'evaluate', '--reference', truth, '--prediction', 'moved.nii.gz');
  });

  test('nothing is overwritten without --force', () => {
    writeFileSync(at('precious.nii.gz'), 'precious');
    fails(1, 'already-exists', 'convert', 'data/patient-001/dicom', 'precious.nii.gz');
    expect(readFileSync(at('precious.nii.gz'), 'utf8')).toBe('precious');
    fails(1, 'already-exists', 'phantom', 'data', '--seed', '9');
    fails(1, 'already-exists', 'inspect', 'data', '--html', 'precious.nii.gz');
    expect(glisson('convert', 'data/patient-001/dicom', 'precious.nii.gz', '--force').status).toBe(0);
    expect(readFileSync(at('precious.nii.gz')).subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b));
  });

  test('an output that cannot be written is an error, and leaves nothing behind', () => {
    fails(1, 'not-writable', 'convert', 'data/patient-001/dicom', 'notes.txt/out.nii.gz');
    fails(1, 'not-writable', 'phantom', 'notes.txt/phantoms');
    expect(readFileSync(at('notes.txt'), 'utf8')).toBe('no scan\n');
  });

  test('--debug shows where an error comes from', () => {
    expect(glisson('inspect', 'nowhere', '--debug').stderr).toMatch(/\n\s+at .+:\d+:\d+/);
  });
});

describe('a command that is stopped', () => {
  test.skipIf(process.platform === 'win32')('by Ctrl-C ends with 130 and leaves nothing behind', async () => {
    const args = [program, 'phantom', 'many', '--patients', '500', '--json'];
    const child = spawn(process.execPath, args, { cwd: folder });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      if (!child.killed && String(chunk).includes('phantoms')) child.kill('SIGINT');
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    expect(status).toBe(130);
    expect(JSON.parse(stdout).error.code).toBe('cancelled');
    expect(readdirSync(folder).filter((name) => name.includes('many'))).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('because its reader went away ends quietly', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${program}" inspect data --quiet | true`],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(stderr).toBe('');
  });
});
