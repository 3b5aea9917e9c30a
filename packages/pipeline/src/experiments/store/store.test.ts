import { spawn } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../../testing/made-run.ts';
import { createFlagger } from '../export/testing/flagged-patients.ts';
import { matchesWhere } from '../query/matches-where.ts';
import { parseWhere } from '../query/parse-where.ts';
import { anyWhere } from '../query/testing/arbitrary-where.ts';
import type { RunFile } from '../record/run-file.ts';
import { findRun } from './find-run.ts';
import { openIndexDatabase } from './index-database.ts';
import { indexName, openStore, type RunStore } from './open-store.ts';
import { queryRuns } from './query-runs.ts';
import { storeFolder } from './store-folder.ts';
import { walkStore } from './walk-store.ts';

let root: string;
const made: Record<string, RunFile> = {};

/** Long ago, so that a change after it has another time. */
const past = new Date('2026-01-02T00:00:00Z');

async function age(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) await utimes(join(folder, entry.name), past, past);
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-store-'));
  const rates = [1e-2, 1e-3, 1e-4];
  for (const [n, rate] of rates.entries()) {
    const name = `sweep/trials/000${n + 1}`;
    made[name] = await makeRun(join(root, name), {
      recipe: n === 0 ? 'patch-vgg16' : 'patch-small',
      set: { 'training.optimiser.learningRate': rate },
      lesionDice: [0.5, 0.6, 0.1 * n],
      file: { sweep: { id: 's', trial: n + 1 }, started: `2026-01-0${n + 1}T10:00:00.000Z` },
    });
    await age(join(root, name));
  }
  made.old = await makeRun(join(root, 'old'), { old: true });
  await age(join(root, 'old'));
  made.failed = await makeRun(join(root, 'failed'), { state: 'failed' });
  await age(join(root, 'failed'));
  // No runs: a plan of a winner, a hidden folder, a plan of a foreign network.
  await mkdir(join(root, 'sweep', 'winner'), { recursive: true });
  await writeFile(join(root, 'sweep', 'sweep.json'), '{}');
  await cp(join(root, 'old', 'plan.json'), join(root, 'sweep', 'winner', 'plan.json'));
  await cp(join(root, 'old'), join(root, '.hidden'), { recursive: true });
  await mkdir(join(root, 'foreign'));
  await writeFile(join(root, 'foreign', 'plan.json'), '{"kind":"foreign-network"}');
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function withStore<T>(
  use: (store: RunStore) => T | Promise<T>,
  folder = root,
  rebuild = false,
): Promise<T> {
  const store = await openStore(folder, { rebuild });
  try {
    return await use(store);
  } finally {
    store.close();
  }
}

/** A copy of the store that may be spoilt. */
async function copyOf(label: string): Promise<string> {
  const folder = `${root}-${label}`;
  await cp(root, folder, { recursive: true, preserveTimestamps: true });
  return folder;
}

const foldersOf = (store: RunStore, where?: string) =>
  store.query({ columns: [], ...(where && { where: parseWhere(where) }) }).runs.map(({ folder }) => folder);

describe('openStore', () => {
  test('finds runs at any depth, and nothing else', async () => {
    const folders = walkStore(root).map(({ folder }) => folder);
    expect(folders.sort()).toEqual([
      'failed',
      'foreign',
      'old',
      'sweep/trials/0001',
      'sweep/trials/0002',
      'sweep/trials/0003',
    ]);
    await withStore((store) => {
      expect(foldersOf(store)).toHaveLength(5);
      expect(store.notes).toEqual([]);
    });
  });

  test('filters, sorts, limits and shows fields by short and long names', async () => {
    await withStore((store) => {
      expect(foldersOf(store, 'recipe=patch-small and lr<1e-3')).toEqual(['sweep/trials/0003']);
      expect(foldersOf(store, 'state != finished')).toEqual(['failed']);
      const { runs, total } = store.query({
        columns: ['lr', 'dice', 'trial'],
        where: parseWhere('sweep = s'),
        sort: { field: 'lr', descending: false },
        limit: 2,
      });
      expect(total).toBe(3);
      expect(runs).toEqual([
        { folder: 'sweep/trials/0003', values: { lr: 1e-4, trial: 3, dice: expect.closeTo(1.3 / 3) } },
        { folder: 'sweep/trials/0002', values: { lr: 1e-3, trial: 2, dice: expect.closeTo(1.2 / 3) } },
      ]);
      const byTrial = store.query({ columns: [], sort: { field: 'trial', descending: true } });
      expect(byTrial.runs.map(({ folder }) => folder).slice(0, 3)).toEqual([
        'sweep/trials/0003',
        'sweep/trials/0002',
        'sweep/trials/0001',
      ]);
      expect(() => foldersOf(store, 'recip = x')).toThrow('Did you mean recipe?');
      expect(() => store.query({ columns: ['nonsense.field'] })).toThrow('no field');
      expect(foldersOf(store, 'training.transfer.weights != none')).toEqual([]);
    });
  });

  test('what a user writes is no SQL', async () => {
    await withStore((store) => {
      expect(foldersOf(store, `recipe = "x' OR '1'='1"`)).toEqual([]);
      expect(foldersOf(store, `recipe ~ "%"`)).toEqual([]);
    });
  });

  test('reads again what changed, forgets what is gone, and looks at nothing else', async () => {
    const folder = await copyOf('changes');
    await withStore((store) => expect(store.refreshed.read).toBeGreaterThanOrEqual(0), folder);
    await withStore((store) => expect(store.refreshed).toMatchObject({ read: 0, removed: 0 }), folder);
    const plan = join(folder, 'old', 'plan.json');
    await writeFile(plan, (await readFile(plan, 'utf8')).replace('"seed": 1', '"seed": 2'));
    await rm(join(folder, 'failed'), { recursive: true });
    await makeRun(join(folder, 'deep', 'down', 'new'));
    await withStore((store) => {
      expect(store.refreshed).toMatchObject({ read: 2, removed: 1 });
      expect(foldersOf(store, 'state = damaged')).toEqual(['old']);
      expect(foldersOf(store)).toContain('deep/down/new');
    }, folder);
    // A file of this very moment may change again within the clock's grain: it is read once more.
    await appendFile(join(folder, 'deep', 'down', 'new', 'metrics.jsonl'), ' ');
    await withStore(
      (store) => expect(foldersOf(store, 'state = damaged')).toContain('deep/down/new'),
      folder,
    );
    await rm(folder, { recursive: true });
  });

  test('a run that was running is looked at again: its process may have been killed', async () => {
    const folder = `${root}-running`;
    await makeRun(join(folder, 'run'), { state: 'running' });
    await writeFile(join(folder, 'run', '.lock'), JSON.stringify({ pid: 1, host: 'elsewhere' }));
    await age(join(folder, 'run'));
    await withStore((store) => expect(foldersOf(store, 'state = running')).toEqual(['run']), folder);
    await writeFile(join(folder, 'run', '.lock'), 'x');
    await withStore((store) => expect(foldersOf(store, 'state = stopped')).toEqual(['run']), folder);
    await rm(folder, { recursive: true });
  });

  test.each([
    ['garbage', 'garbage '.repeat(5000)],
    ['nothing', ''],
  ])('an index of %s is made anew', async (label, content) => {
    const folder = await copyOf(label);
    await writeFile(join(folder, indexName), content);
    await withStore((store) => {
      expect(foldersOf(store)).toHaveLength(5);
      expect(store.notes).toHaveLength(content === '' ? 0 : 1);
    }, folder);
    await rm(folder, { recursive: true });
  });

  test('an index with damaged pages is made anew, and one of another version', async () => {
    const folder = await copyOf('pages');
    const path = join(folder, indexName);
    await withStore(() => {}, folder);
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0xaa, 4096));
    await withStore((store) => expect([store.notes.length, foldersOf(store).length]).toEqual([1, 5]), folder);
    const database = openIndexDatabase(path);
    database.exec('PRAGMA user_version = 77; DROP TABLE fields');
    database.close();
    await withStore((store) => expect(foldersOf(store)).toHaveLength(5), folder);
    await rm(folder, { recursive: true });
  });

  test('rebuilding reads every run and changes nothing', async () => {
    const before = await withStore((store) => store.records());
    await withStore(
      (store) => {
        expect(store.refreshed).toMatchObject({ runs: 6, read: 5 });
        expect(store.records()).toEqual(before);
      },
      root,
      true,
    );
  });

  test('a folder that is not there is an error; an empty one has no runs', async () => {
    await expect(openStore(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'run-invalid' });
    const empty = await mkdtemp(join(tmpdir(), 'glisson-empty-'));
    await withStore((store) => {
      expect(foldersOf(store, 'lr < 1')).toEqual([]);
      expect(() => foldersOf(store, 'lrr < 1')).toThrow('Did you mean lr?');
    }, empty);
    await rm(empty, { recursive: true });
  });

  test('a run is found by path, by its folder in the store, and by its id', async () => {
    await withStore(async (store) => {
      const folder = join(root, 'sweep', 'trials', '0002');
      for (const name of [folder, 'sweep/trials/0002', 'sweep/trials/0002/', made['sweep/trials/0002']!.id]) {
        expect((await findRun(store, name)).folder).toBe(folder);
      }
      await expect(findRun(store, 'sweep/trials/0004')).rejects.toThrow('Did you mean sweep/trials/000');
    });
  });

  test('the store is the one that is named, else that of GLISSON_RUNS, else runs', () => {
    expect(storeFolder('/a', { GLISSON_RUNS: '/b' })).toBe('/a');
    expect(storeFolder(undefined, { GLISSON_RUNS: '/b' })).toBe('/b');
    expect(storeFolder(undefined, { GLISSON_RUNS: '' })).toBe(join(process.cwd(), 'runs'));
  });
});

describe('the index answers as a plain filter does', () => {
  const names = ['recipe', 'lr', 'text', 'flag'] as const;
  const value = fc.oneof(
    fc.constantFrom('patch-vgg16', 'patch-small', '3', 'Ä', "it's", ''),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(0.5, 1e-3, 1e300),
    fc.boolean(),
    fc.constant(null),
  );
  const rows = fc.array(fc.record(Object.fromEntries(names.map((name) => [name, value]))), {
    minLength: 1,
    maxLength: 8,
  });

  test('for any condition and any values', () => {
    fc.assert(
      fc.property(rows, anyWhere(['recipe', 'text', 'flag', 'other.field']), (list, where) => {
        const database = openIndexDatabase(':memory:');
        try {
          const insertRun = database.prepare(
            "INSERT INTO runs (id, folder, stamp, kind, state, own) VALUES (?, ?, '', '', '', '')",
          );
          const insert = database.prepare('INSERT INTO fields (name, run, number, text) VALUES (?, ?, ?, ?)');
          const all = [...names, 'other.field', 'started'];
          for (const [n, name] of all.entries()) {
            database.prepare('INSERT INTO names (id, name) VALUES (?, ?)').run(n, name);
          }
          for (const [n, row] of list.entries()) {
            insertRun.run(n, `run ${n}`);
            for (const [name, cell] of Object.entries(row)) {
              if (cell === null) continue;
              const number = typeof cell === 'number' ? cell : null;
              insert.run(all.indexOf(name), n, number, String(cell));
            }
          }
          const found = queryRuns(database, { where, columns: [] }).runs.map(({ folder }) => folder);
          const expected = list.flatMap((row, n) => (matchesWhere(row, where) ? [`run ${n}`] : []));
          expect(found).toEqual(expected);
        } finally {
          database.close();
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('test patients that chose something', () => {
  test('are found in any run of the store, as the flagger of records finds them', async () => {
    const folder = `${root}-chosen`;
    const { contents, planHash } = await makeRun(join(folder, 'tested'));
    const dice = { dice: 0.5, iou: 1 / 3, referenceMl: 1, predictionMl: 1 };
    const scores = {
      schema: 'glisson.evaluation/1',
      cases: [{ id: '9', liver: dice, lesion: dice }],
      summary: null,
      problems: [],
    };
    await mkdir(join(folder, 'scores'));
    await writeFile(join(folder, 'scores', 'evaluation.json'), JSON.stringify(scores));
    const file = JSON.parse(await readFile(join(folder, 'tested', 'run.json'), 'utf8')) as RunFile;
    const { contents: _, ...rest } = file;
    const evaluates = { run: null, model: contents!['model.onnx']!.sha256, plan: planHash, split: null };
    await writeFile(
      join(folder, 'scores', 'run.json'),
      JSON.stringify({ ...rest, kind: 'evaluate', id: 'scores', planHash: null, files: {}, evaluates }),
    );
    const flagged = () =>
      withStore((store) => {
        const record = store.recordOf(join(folder, 'tested'))!;
        expect(record.results).toMatchObject({ testCases: 1, testLesionDice: 0.5 });
        const chosen = store.chosen(record);
        expect(createFlagger(store.records())(record)).toEqual(chosen.map(({ patient }) => patient));
        expect(foldersOf(store, 'testDice = 0.5')).toContain('tested');
        return chosen;
      }, folder);
    expect(await flagged()).toEqual([]);
    // Another run validates on the patient that tests here.
    await makeRun(join(folder, 'greedy'), { set: { 'split.validation': ['volume-9'], 'split.test': [] } });
    expect(await flagged()).toEqual([{ patient: 'P9', choseIn: ['greedy'], times: 1 }]);
    // The same name in data that has no file in common is somebody else.
    await rm(join(folder, 'greedy'), { recursive: true });
    await makeRun(join(folder, 'stranger'), {
      set: { 'split.validation': ['volume-9'], 'split.test': [] },
      file: { files: { 'volume-9': 'c'.repeat(64) } },
    });
    expect(await flagged()).toEqual([]);
    await rm(join(folder, 'scores'), { recursive: true });
    await withStore((store) => {
      expect(store.recordOf(join(folder, 'tested'))!.results.testCases).toBe(0);
      expect(foldersOf(store, 'testDice != none')).toEqual([]);
    }, folder);
    await rm(folder, { recursive: true });
  });
});

describe('several processes on one store', () => {
  test('that index, rebuild and find it damaged at once all answer rightly', async () => {
    const folder = await copyOf('many');
    await writeFile(join(folder, indexName), 'garbage '.repeat(5000));
    const module = new URL('../../../dist/experiments/store/open-store.js', import.meta.url).href;
    const script = `
      import { openStore } from ${JSON.stringify(module)};
      for (let n = 0; n < 4; n++) {
        const store = await openStore(${JSON.stringify(folder)}, { rebuild: n % 2 === 1 });
        console.log(store.query({ columns: [] }).total);
        store.close();
      }`;
    const outputs = await Promise.all(
      [1, 2, 3, 4].map(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
            let text = '';
            for (const stream of [child.stdout, child.stderr]) {
              stream.setEncoding('utf8').on('data', (piece: string) => {
                text += piece;
              });
            }
            child.on('close', () => resolve(text));
          }),
      ),
    );
    expect(outputs).toEqual(Array.from({ length: 4 }, () => '5\n5\n5\n5\n'));
    await withStore((store) => {
      expect(store.notes).toEqual([]);
      expect(foldersOf(store)).toHaveLength(5);
    }, folder);
    await rm(folder, { recursive: true });
  }, 60_000);
});
