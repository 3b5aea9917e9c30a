// npm run bench:scan [-- --json --python PATH --model RUN --runs 5]
// Reading: 300 slices of 512 x 512 (phantom DICOM, files in the page cache) to Hounsfield units against pydicom,
// a fresh process each time, interleaved, process start and imports not timed.
// Segmenting: the 129 slices of 3D-IRCADb patient 1 as DICOM zip, all outputs, as a whole command.
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeCtSeries } from '@glisson/imaging/dicom-write/write-ct-series';
import { createPhantom } from '@glisson/imaging/phantom/create-phantom';
import {
  type BenchCase,
  benchCase,
  makeReport,
  median,
  printReport,
  repositoryRoot,
} from './common/bench-report.ts';
import { runCommand, runGlisson } from './common/run-cli.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
    model: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
});
const scratch = join(repositoryRoot, 'out', 'bench', 'scan');
const shared = process.env.GLISSON_SHARED ?? join(repositoryRoot, '..', 'shared');
const slices = 300;
const voxelMiB = (slices * 512 * 512 * 2) / 2 ** 20;

interface ReadFigures {
  readonly ms: number;
  readonly checksum: number;
  readonly peakRssMb?: number;
  readonly versions?: Record<string, string>;
}

async function readFigures(program: string, args: readonly string[]): Promise<ReadFigures> {
  return JSON.parse((await runCommand(program, args)).stdout) as ReadFigures;
}

/** Makes the series once; it is the same for every run of the benchmark. */
async function ensureSeries(): Promise<string> {
  const folder = join(scratch, 'series');
  if (existsSync(folder) && readdirSync(folder).length === slices) return folder;
  await rm(folder, { recursive: true, force: true });
  console.error('bench: making the 300-slice phantom series …');
  const phantom = await createPhantom({ seed: 1, patient: 1, columns: 512, rows: 512, slices, sliceMm: 1.5 });
  await writeCtSeries(folder, phantom.volume, { uidSeed: ['bench', 1] });
  return folder;
}

async function readingCases(versions: Record<string, string>): Promise<BenchCase[]> {
  const folder = await ensureSeries();
  const ours: ReadFigures[] = [];
  const peer: ReadFigures[] = [];
  let note: string | undefined;
  const script = join(repositoryRoot, 'benchmarks', 'dist', 'scan', 'read-ours.js');
  const python = join(repositoryRoot, 'benchmarks', 'scan', 'read_pydicom.py');
  await readFigures(process.execPath, [script, folder]);
  for (let run = 0; run < Number(options.runs); run++) {
    ours.push(await readFigures(process.execPath, [script, folder]));
    try {
      peer.push(await readFigures(options.python, [python, folder]));
    } catch (error) {
      note = `pydicom could not run: ${(error as Error).message.split('\n')[0]}`;
    }
  }
  Object.assign(versions, peer[0]?.versions);
  if (peer.length > 0 && peer[0]!.checksum !== ours[0]!.checksum) {
    throw new Error(
      `ours and pydicom differ: sums of all HU are ${ours[0]!.checksum} and ${peer[0]!.checksum}`,
    );
  }
  const peerMs = peer.length > 0 ? median(peer.map((figures) => figures.ms)) : null;
  return [
    benchCase({
      name: 'read 300 slices to HU',
      unit: 'ms',
      ours: median(ours.map((figures) => figures.ms)),
      peer: peerMs,
      target: 1,
      judge: 'ratio',
      note: note ?? 'peer: pydicom; the same sum of all voxels',
    }),
    benchCase({
      name: 'read 300 slices, peak resident set',
      unit: 'MiB',
      ours: median(ours.map((figures) => figures.peakRssMb!)),
      target: 3 * voxelMiB + 150,
      note: 'fresh process; voxels 150 MiB',
    }),
  ];
}

/** A network of the default size; what it found does not change how long it takes by much. */
async function ensureModel(): Promise<string> {
  if (options.model !== undefined) return options.model;
  const trained = join(repositoryRoot, 'out', 'bench', 'liver', 'run');
  if (existsSync(join(trained, 'model.onnx'))) return trained;
  throw new Error('no model: run npm run bench:liver first, or name one with --model RUN');
}

async function segmentCases(): Promise<BenchCase[]> {
  const names = ['segment 129 slices, all outputs', 'segment 129 slices, peak resident set'] as const;
  const failed = (note: string): BenchCase[] => [
    benchCase({ name: names[0], unit: 's', ours: null, target: 60, note }),
    benchCase({ name: names[1], unit: 'MiB', ours: null, target: 2048, note }),
  ];
  const zip = join(shared, 'data', 'dicom', '3Dircadb1-patient01.zip');
  if (!existsSync(zip)) return failed('the real scan is not on this machine');
  try {
    const model = await ensureModel();
    const seconds: number[] = [];
    const peaks: number[] = [];
    for (let run = 0; run < 3; run++) {
      const out = join(scratch, 'patient-1');
      const result = await runGlisson(['segment', zip, '--out', out, '--model', model, '--force']);
      seconds.push(result.seconds);
      peaks.push(result.peakMib!);
    }
    const note = 'whole command, process start included; median of 3';
    return [
      benchCase({ name: names[0], unit: 's', ours: median(seconds), target: 60, note }),
      benchCase({
        name: names[1],
        unit: 'MiB',
        ours: Math.max(...peaks),
        target: 2048,
        note: 'largest of 3',
      }),
    ];
  } catch (error) {
    return failed((error as Error).message);
  }
}

const versions: Record<string, string> = {};
const cases = [...(await readingCases(versions)), ...(await segmentCases())];
printReport(makeReport('scan', cases, versions), options.json);
