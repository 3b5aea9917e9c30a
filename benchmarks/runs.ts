// npm run bench:runs [-- --json --runs 5000 --repeat 7]
// A store of 5,000 small run folders in a temporary folder: how long a query of the index takes, how long the whole command
// `glisson runs list --where ...` does, process start included, and how long an index from nothing. Medians; the folders are warm
// in the system's cache.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseWhere } from '@glisson/pipeline/experiments/query/parse-where';
import { openStore } from '@glisson/pipeline/experiments/store/open-store';
import { makeRun } from '@glisson/pipeline/testing/made-run';
import { benchCase, makeReport, median, printReport, repositoryRoot } from './common/bench-report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5000' },
    repeat: { type: 'string', default: '7' },
  },
});
const count = Number(options.runs);
const repeat = Number(options.repeat);
const condition = 'recipe=patch-vgg16 and lr<1e-3 and not (state=failed or dropout>0.6)';

const folder = await mkdtemp(join(tmpdir(), 'glisson-bench-runs-'));
try {
  process.stderr.write(`bench: making ${count} runs …\n`);
  const recipes = ['patch-vgg16', 'patch-resnet18', 'patch-small', 'unet-2d'];
  const started = Date.UTC(2026, 0, 1);
  for (let first = 0; first < count; first += 50) {
    const batch = Array.from({ length: Math.min(50, count - first) }, (_, n) => first + n);
    await Promise.all(
      batch.map((n) =>
        makeRun(join(folder, `sweep-${Math.floor(n / 100)}`, 'trials', String(n).padStart(4, '0')), {
          recipe: recipes[n % 4]!,
          set: { 'training.optimiser.learningRate': 10 ** -(2 + (n % 5) / 2), 'training.seed': n },
          lesionDice: [0.3 + (n % 50) / 100, 0.5, 0.6],
          file: { started: new Date(started + 60_000 * n).toISOString() },
        }),
      ),
    );
  }

  process.stderr.write('bench: index from nothing …\n');
  let begin = performance.now();
  (await openStore(folder)).close();
  const build = performance.now() - begin;

  const where = parseWhere(condition);
  const query = {
    where,
    sort: { field: 'dice', descending: true },
    limit: 50,
    columns: ['state', 'recipe', 'lr', 'dice', 'testDice', 'seconds', 'started'],
  };
  const queries: number[] = [];
  const refreshes: number[] = [];
  let found = 0;
  for (let n = 0; n < repeat; n++) {
    begin = performance.now();
    const store = await openStore(folder);
    refreshes.push(performance.now() - begin);
    begin = performance.now();
    found = store.query(query).total;
    queries.push(performance.now() - begin);
    store.close();
  }

  const script = join(repositoryRoot, 'packages', 'cli', 'bin', 'glisson.js');
  const command = (where?: string) => {
    const args = [
      'runs',
      'list',
      '--runs',
      folder,
      ...(where ? ['--where', where] : []),
      '--sort',
      'dice:desc',
    ];
    const times: number[] = [];
    for (let n = 0; n < repeat; n++) {
      begin = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`glisson ${args.join(' ')}: ${stderr}`);
      times.push(performance.now() - begin);
    }
    return median(times);
  };
  const cases = [
    benchCase({
      name: `query of ${count} runs`,
      unit: 'ms',
      ours: median(queries),
      target: 100,
      note: `${found} match; filter, order, 50 rows`,
    }),
    benchCase({
      name: 'runs list --where, whole command',
      unit: 'ms',
      ours: command(condition),
      target: 600,
      note: 'process start and a look at all folders included',
    }),
    benchCase({ name: 'runs list, whole command', unit: 'ms', ours: command(), target: 600 }),
    benchCase({ name: 'look at all folders', unit: 'ms', ours: median(refreshes), target: null }),
    benchCase({ name: 'index from nothing', unit: 's', ours: build / 1000, target: null }),
  ];
  printReport(makeReport('runs', cases), options.json);
} finally {
  await rm(folder, { recursive: true, force: true });
}
