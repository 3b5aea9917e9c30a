import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../../testing/system-tools.ts';
import type { ExportRun } from '../export-run.ts';
import { runSeries } from '../run-series.ts';
import { fixtureLog, fixtureMetrics, fixtureRun } from '../testing/fixture-run.ts';
import { crc32c } from './crc32c.ts';
import { eventFile, eventFileName } from './event-file.ts';
import { tfRecord } from './tf-record.ts';
import { writeEventFiles } from './write-event-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'glisson-events-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface ReadValue {
  readonly tag: string;
  /** As Python writes a float. */
  readonly value?: string;
  readonly text?: string;
  readonly shape?: readonly number[];
  readonly dtype?: number;
  readonly plugin?: string;
  readonly start?: number;
  readonly hparams?: Readonly<Record<string, unknown>>;
  readonly status?: number;
}

interface ReadEvent {
  readonly version: string;
  readonly time: number;
  readonly step: number;
  readonly values: readonly ReadValue[];
}

function readBack(run: ExportRun): readonly ReadEvent[] {
  const path = join(folder, eventFileName(run));
  writeFileSync(path, eventFile(run, runSeries(run, fixtureMetrics, fixtureLog)));
  const read = spawnSync(debianPython, [
    new URL('../testing/read_events.py', import.meta.url).pathname,
    path,
  ]);
  expect(read.stderr.toString()).toBe('');
  return JSON.parse(read.stdout.toString()) as ReadEvent[];
}

const tools = ['python3-google.protobuf', 'python3-crcmod'];
const begin = Date.parse('2026-11-25T15:22:03.500Z') / 1000;

describe('event files of TensorBoard', () => {
  test('CRC-32C is that of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  test('a record is length, check, data, check', () => {
    const record = tfRecord(Uint8Array.of(1, 2, 3));
    expect([record.length, record[0], ...record.slice(12, 15)]).toEqual([19, 3, 1, 2, 3]);
  });

  test.skipIf(!hasSystemTools(tools))(
    needs(
      tools,
      'another reader finds version, scalars of each step and epoch with their times, text and hyperparameters',
    ),
    () => {
      const [version, about, ...steps] = readBack(fixtureRun('a'));
      expect(version).toEqual({ version: 'brain.Event:2', time: begin, step: 0, values: [] });
      const [start, end, text] = about!.values;
      expect(start).toMatchObject({ tag: '_hparams_/session_start_info', plugin: 'hparams', start: begin });
      expect(start!.hparams).toEqual({
        recipe: 'patch-small',
        weights: 'phantoms',
        'training.seed': 7,
        'training.optimiser.learningRate': 1e-7,
        'training.patchSize': '65,65',
        'postprocess.lesionsInLiverOnly': true,
      });
      expect(end).toMatchObject({ tag: '_hparams_/session_end_info', plugin: 'hparams', status: 1 });
      expect(text).toMatchObject({ tag: 'run', plugin: 'text', shape: [1], dtype: 7 });
      expect(text!.text).toContain('| first weights | phantoms |');
      expect(steps.map(({ step, time }) => [step, time - begin])).toEqual([
        [5, 30],
        [10, 60],
        [20, 120],
      ]);
      const values = steps.map((event) =>
        Object.fromEntries(event.values.map(({ tag, value }) => [tag, Number(value)])),
      );
      expect(values[0]).toEqual({
        'train/loss': 0.75,
        'train/accuracy': 0.5,
        'train/learningRate': Math.fround(1e-7),
      });
      expect(values[1]).toEqual({
        'train/loss': Number.NaN,
        'train/accuracy': 0.625,
        'train/learningRate': Math.fround(1e-7),
        'validation/epoch': 1,
        'validation/lesionDice': 0.125,
        'validation/score': 0.125,
        'watched-test/lesionDice': 0.0625,
        'watched-test/score': 0.0625,
      });
      expect(values[2]).toMatchObject({
        'train/softDice/lesion': 0.25,
        'train-epoch/loss': 0.375,
        'train-epoch/accuracy': 0.75,
        'validation/loss': 0.625,
        'validation/lesionDice': 0.5,
        'final/lesionDice': Math.fround(0.1 + 0.2),
        'test/lesionDice': 0.25,
      });
    },
  );

  test.skipIf(!hasSystemTools(tools))(
    needs(tools, 'scores of test patients that chose something stand under another name'),
    () => {
      const events = readBack(fixtureRun('b', {}, ['patient-2']));
      const tags = events.flatMap(({ values }) => values.map(({ tag }) => tag));
      expect(tags.filter((tag) => /^(watched-)?test\//.test(tag))).toEqual([]);
      expect(tags).toContain('test-used-for-choosing/lesionDice');
      expect(tags).toContain('watched-test-used-for-choosing/lesionDice');
      expect(events[1]!.values[2]!.text).toContain('| test patients that chose something | patient-2 |');
    },
  );

  test('a folder holds a folder a run; it is replaced only when it is an earlier export, and asked for', async () => {
    const store = join(folder, 'store');
    await mkdir(join(store, 'sweep', '0001'), { recursive: true });
    const lines = fixtureMetrics.map((line) => `${JSON.stringify(line)}\n`).join('');
    writeFileSync(join(store, 'sweep', '0001', 'metrics.jsonl'), lines);
    const runs = [
      fixtureRun('sweep/0001', { folder: join(store, 'sweep', '0001') }),
      fixtureRun('empty', {
        folder: join(store, 'empty'),
        results: { ...fixtureRun('').record.results, ...empty },
      }),
    ];
    const out = join(folder, 'events');
    const written = await writeEventFiles(out, runs, false, {});
    expect(written.withoutMetrics).toEqual(['empty']);
    expect(readdirSync(join(out, 'sweep', '0001'))).toEqual(['events.out.tfevents.1795620123.glisson']);
    await expect(writeEventFiles(out, runs, false, {})).rejects.toMatchObject({ code: 'already-exists' });
    await writeEventFiles(out, runs.slice(0, 1), true, {});
    expect(readdirSync(out).sort()).toEqual(['glisson-export.json', 'sweep']);
    await expect(writeEventFiles(store, runs, true, {})).rejects.toMatchObject({ code: 'already-exists' });
    expect(readdirSync(store)).toEqual(['sweep']);
  });
});

const empty = {
  validationLesionDice: null,
  validationScore: null,
  testLesionDice: null,
  testLesionIoU: null,
};
