import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../record/run-record.ts';
import type { ExportRun } from '../export-run.ts';
import { runSeries } from '../run-series.ts';
import { fixtureLog, fixtureMetrics, fixtureRun } from '../testing/fixture-run.ts';
import { type Disturbance, type MlflowServer, startMlflowServer } from '../testing/mlflow-server.ts';
import { bringRun, exportToMlflow, findExperiment, type MlflowOutcome } from './export-to-mlflow.ts';
import { logBatches } from './log-batches.ts';
import { createMlflowClient } from './mlflow-client.ts';
import { mlflowRun } from './mlflow-run.ts';
import { mlflowSettings } from './mlflow-settings.ts';

let server: MlflowServer;
beforeEach(async () => {
  server = await startMlflowServer();
});
afterEach(() => server.close());

const waits: number[] = [];
const pause = async (ms: number) => {
  waits.push(ms);
};

function clientOf(environment: Record<string, string> = {}, signal?: AbortSignal) {
  waits.length = 0;
  return createMlflowClient(
    mlflowSettings({ MLFLOW_TRACKING_URI: server.uri, ...environment }),
    signal,
    pause,
  );
}

function told(
  run: ExportRun,
  withCases = false,
  metrics: readonly (typeof fixtureMetrics)[number][] = fixtureMetrics,
) {
  return mlflowRun(run, runSeries(run, metrics, fixtureLog), withCases);
}

async function bring(runs: readonly ReturnType<typeof told>[], environment: Record<string, string> = {}) {
  const client = clientOf(environment);
  const id = await findExperiment(client, 'livers');
  const outcomes: MlflowOutcome[] = [];
  for (const run of runs) outcomes.push(await bringRun(client, id, run));
  return outcomes;
}

const active = () => server.runs.filter(({ lifecycle }) => lifecycle === 'active');

/** Disturbs the first `count` requests to a path. */
function disturbFirst(path: string, count: number, disturbance: Disturbance): void {
  let left = count;
  server.disturb = (request) => (request.path === path && left-- > 0 ? disturbance : undefined);
}

describe('a run in MLflow', () => {
  test('has parameters, metrics with steps and times, tags, status, and times of beginning and end', async () => {
    const [outcome] = await bring([told(fixtureRun('sweep/0001'))]);
    const [run] = server.runs;
    expect(outcome).toEqual({ name: 'sweep/0001', action: 'created', mlflowRunId: run!.id, cut: [] });
    const begin = Date.parse('2026-11-25T15:22:03.500Z');
    expect(run).toMatchObject({
      name: 'sweep/0001',
      status: 'FINISHED',
      startTime: begin,
      endTime: begin + 120_000,
    });
    expect(Object.fromEntries(run!.params)).toEqual({
      recipe: 'patch-small',
      'training.seed': '7',
      'training.optimiser.learningRate': '1e-7',
      'training.patchSize': '65,65',
      'training.small': 'null',
      'postprocess.lesionsInLiverOnly': 'true',
    });
    const series = (key: string) =>
      run!.metrics
        .filter((one) => one.key === key)
        .map(({ step, value, timestamp }) => [step, value, timestamp - begin]);
    expect(series('train/loss')).toEqual([
      [5, 0.75, 30_000],
      [10, 'NaN', 60_000],
      [20, 0.25, 120_000],
    ]);
    expect(series('validation/lesionDice')).toEqual([
      [10, 0.125, 60_000],
      [20, 0.5, 120_000],
    ]);
    expect(series('final/lesionDice')).toEqual([[20, 0.30000000000000004, 120_000]]);
    expect(series('test/lesionDice')).toEqual([[20, 0.25, 120_000]]);
    expect(run!.tags.get('glisson.weights')).toBe('phantoms');
    expect(run!.tags.get('glisson.test_patients_used_for_choosing')).toBe('none');
  });

  test('names no case, no patient and no path of this machine, unless cases are asked for', async () => {
    const run = fixtureRun('a', {
      fields: { 'split.test': 'patient-2', 'training.transfer.weights': '/home/somebody/vgg.safetensors' },
    });
    const quiet = JSON.stringify(told(run));
    for (const secret of ['patient-', 'volume-', '/home', '/runs']) expect(quiet).not.toContain(secret);
    expect(quiet).toContain('vgg.safetensors');
    await bring([told(run, true)]);
    expect(server.runs[0]!.metrics).toContainEqual({
      key: 'case/test/volume-2/scan/lesionDice',
      value: 0.25,
      timestamp: Date.parse('2026-11-25T15:24:03.500Z'),
      step: 20,
    });
    expect(server.runs[0]!.params.get('split.test')).toBe('patient-2');
  });

  test('shows test scores of patients that chose something under another name, and says so in a tag', async () => {
    await bring([told(fixtureRun('a', {}, ['patient-2']))]);
    const keys = server.runs[0]!.metrics.map(({ key }) => key);
    expect(keys.filter((key) => /^(watched-)?test\//.test(key))).toEqual([]);
    expect(keys).toContain('test-used-for-choosing/lesionDice');
    expect(server.runs[0]!.tags.get('glisson.test_patients_used_for_choosing')).toBe('1 of 1');
  });

  test.each([
    ['running', 'RUNNING'],
    ['stopped', 'KILLED'],
    ['failed', 'FAILED'],
    ['damaged', 'FAILED'],
  ] as const)('that is %s here is %s there', async (state, status) => {
    await bring([told(fixtureRun('a', { state, ...(state === 'running' && { ended: null }) }))]);
    expect(server.runs[0]!.status).toBe(status);
    expect(server.runs[0]!.endTime === null).toBe(state === 'running');
  });
});

test('runs are brought from their folders one after the other', async () => {
  const client = clientOf();
  const id = await findExperiment(client, 'livers');
  const events: number[] = [];
  const outcomes = await exportToMlflow(
    client,
    id,
    [fixtureRun('a'), fixtureRun('b')],
    { withCases: false },
    { onProgress: ({ done }) => events.push(done) },
  );
  expect(outcomes.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(events).toEqual([0, 1, 2]);
  // Their folders are not there: only what the records know is told.
  expect(server.runs[0]!.metrics.map(({ key }) => key)).toContain('test/lesionDice');
});

describe('bounds of MLflow', () => {
  test('many long values are cut into requests that it takes, and names that it would refuse are changed', async () => {
    const record: Partial<RunRecord> = {
      fields: Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`field.${i}`, 'ä'.repeat(7000)])),
      cases: ['Fall: 1', 'Fall/ 1', '..', 'x'.repeat(400), `${'x'.repeat(400)}y`].map((name) => ({
        ...fixtureRun('').record.cases[1]!,
        case: name,
      })),
    };
    const run = fixtureRun('long', record);
    const points = Array.from({ length: 3500 }, (_, i) => ({
      name: 'train/loss',
      step: i,
      value: 1 / (i + 1),
      time: i,
    }));
    const one = mlflowRun(run, points, true);
    expect(one.cut.length).toBe(250);
    await bring([one]);
    const [stored] = server.runs;
    expect([stored!.params.size, stored!.metrics.length]).toEqual([250, 3500 + 10]);
    expect(new Set(stored!.metrics.map(({ key }) => key)).size).toBe(11);
    expect(stored!.params.get('field.0')).toBe(`${'ä'.repeat(5999)}…`);
  });

  test('batches keep everything, in order', () => {
    const metrics = Array.from({ length: 2101 }, (_, step) => ({ key: 'm', value: 1, timestamp: 0, step }));
    const params = Array.from({ length: 101 }, (_, i) => ({ key: `p${i}`, value: '1' }));
    const batches = logBatches({ metrics, params, tags: [] });
    expect(batches.flatMap((batch) => batch.metrics)).toEqual(metrics);
    expect(batches.flatMap((batch) => batch.params)).toEqual(params);
    for (const batch of batches) {
      expect(batch.metrics.length + batch.params.length).toBeLessThanOrEqual(1000);
      expect(batch.params.length).toBeLessThanOrEqual(100);
    }
    expect(logBatches({ metrics: [], params: [], tags: [] })).toEqual([]);
  });
});

describe('exporting again', () => {
  test('changes nothing where nothing changed, wherever the folder went', async () => {
    await bring([told(fixtureRun('a')), told(fixtureRun('b'))]);
    const before = server.requests.length;
    const again = await bring([told(fixtureRun('a')), told(fixtureRun('b', { folder: '/elsewhere/b' }))]);
    expect(again.map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
    expect(server.requests.slice(before).map(({ path }) => path)).toEqual([
      'experiments/get-by-name',
      'runs/search',
      'runs/search',
    ]);
    expect(server.runs.length).toBe(2);
  });

  test('replaces a run that went on, and keeps what people wrote to it', async () => {
    await bring([
      told(fixtureRun('a', { state: 'running', ended: null }), false, fixtureMetrics.slice(0, 2)),
    ]);
    server.runs[0]!.tags.set('mlflow.note.content', 'promising').set('reviewed-by', 'me');
    const [outcome] = await bring([told(fixtureRun('a'))]);
    expect(outcome!.action).toBe('replaced');
    expect(server.runs.map(({ lifecycle }) => lifecycle)).toEqual(['deleted', 'active']);
    expect(active()[0]!.status).toBe('FINISHED');
    expect(active()[0]!.tags.get('mlflow.note.content')).toBe('promising');
    expect(active()[0]!.tags.get('reviewed-by')).toBe('me');
  });

  test('heals an export that broke off at any request', async () => {
    for (let broken = 1; broken <= 7; broken++) {
      await server.close();
      server = await startMlflowServer();
      let count = 0;
      server.disturb = () => (++count === broken ? { status: 400, body: '{}' } : undefined);
      await bring([told(fixtureRun('a'))]).catch(() => {});
      server.disturb = undefined;
      await bring([told(fixtureRun('a'))]);
      expect([broken, active().length, active()[0]!.status]).toEqual([broken, 1, 'FINISHED']);
      expect(active()[0]!.metrics.length).toBe(told(fixtureRun('a')).metrics.length);
    }
  });

  test('takes a run anew that somebody deleted in MLflow', async () => {
    await bring([told(fixtureRun('a'))]);
    server.runs[0]!.lifecycle = 'deleted';
    expect((await bring([told(fixtureRun('a'))]))[0]!.action).toBe('created');
  });
});

describe('a server that is not at its best', () => {
  test('is asked again after pauses that double, or are as it wishes', async () => {
    disturbFirst('runs/log-batch', 2, { status: 503 });
    await bring([told(fixtureRun('a'))]);
    expect(waits).toEqual([1000, 2000]);
    disturbFirst('runs/search', 1, { status: 429, headers: { 'retry-after': '7' } });
    await bring([told(fixtureRun('b'))]);
    expect(waits).toEqual([7000]);
  });

  test('that obeyed and lost its answer does not end with a run twice', async () => {
    disturbFirst('runs/create', 1, { status: 502, obey: true });
    await bring([told(fixtureRun('a'))]);
    expect(server.runs.length).toBe(2);
    expect(active().map(({ status }) => status)).toEqual(['FINISHED']);
  });

  test('that obeyed a deletion and lost its answer is not told that this is a mistake', async () => {
    await bring([told(fixtureRun('a'))]);
    disturbFirst('runs/delete', 1, { status: 502, obey: true });
    const [outcome] = await bring([told(fixtureRun('a', { state: 'stopped' }))]);
    expect(outcome!.action).toBe('replaced');
    expect(active().length).toBe(1);
  });

  test('that obeyed the making of an experiment and lost its answer has one experiment', async () => {
    disturbFirst('experiments/create', 1, { status: 502, obey: true });
    await bring([told(fixtureRun('a'))]);
    expect(server.experiments.size).toBe(1);
  });

  test('is given up after the attempts that were asked for, with what to do', async () => {
    server.disturb = () => ({ status: 500 });
    const failure = await bring([], { MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2' }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: 'server-unreachable',
      explanation: { found: '500 Internal Server Error, after 3 attempts' },
    });
    expect(server.requests.length).toBe(3);
  });

  test('that is not there is named', async () => {
    const client = createMlflowClient(
      mlflowSettings({ MLFLOW_TRACKING_URI: 'http://127.0.0.1:1', MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' }),
    );
    await expect(findExperiment(client, 'x')).rejects.toMatchObject({
      code: 'server-unreachable',
      explanation: {
        where: expect.stringContaining('http://127.0.0.1:1/api/2.0/mlflow/experiments/get-by-name'),
      },
    });
  });

  test('is not waited for after a cancellation', async () => {
    const controller = new AbortController();
    server.disturb = () => {
      controller.abort(new Error('cancelled by a test'));
      return { status: 503 };
    };
    await expect(findExperiment(clientOf({}, controller.signal), 'x')).rejects.toThrow('cancelled by a test');
  });
});

describe('a definite no', () => {
  test.each([
    [401, '{"error_code":"UNAUTHENTICATED","message":"who are you"}', 'MLFLOW_TRACKING_TOKEN'],
    [403, 'no', 'MLFLOW_TRACKING_TOKEN'],
    [404, '<h1>no such page</h1>', 'MLFLOW_TRACKING_URI'],
    [200, '<h1>sign in</h1>', 'MLFLOW_TRACKING_URI'],
    [302, '', 'MLFLOW_TRACKING_URI'],
    [200, '{"hello":1}', ''],
  ])('%s %s is not repeated and says what to do', async (status, body, advice) => {
    server.disturb = () => ({ status, body, headers: { location: 'https://sso.example/' } });
    const failure = (await bring([]).catch((error: unknown) => error)) as {
      explanation: { advice?: string };
    };
    expect(failure).toMatchObject({ code: 'server-refused' });
    expect(failure.explanation.advice ?? '').toContain(advice);
    expect(server.requests.length).toBe(1);
  });

  test('an experiment in the trash is not written to', async () => {
    await bring([]);
    server.experiments.get('livers')!.lifecycle = 'deleted';
    await expect(bring([])).rejects.toMatchObject({ code: 'server-refused' });
    expect(server.runs).toEqual([]);
  });
});

describe('settings from the environment', () => {
  test('a token, or user and password, go with every request and stand in no address', async () => {
    await bring([], { MLFLOW_TRACKING_TOKEN: 'secret' });
    expect(server.requests.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
    const settings = mlflowSettings({ MLFLOW_TRACKING_URI: 'https://me:p%40ss@host/mlflow/' });
    expect(settings).toMatchObject({
      uri: 'https://host/mlflow',
      headers: { authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
      warnings: [],
    });
    expect(
      mlflowSettings({ MLFLOW_TRACKING_URI: 'http://host:5000', MLFLOW_TRACKING_TOKEN: 'secret' }).warnings,
    ).toHaveLength(1);
  });

  test.each([undefined, '', 'mlruns', 'file:///tmp/mlruns', 'sqlite:///mlflow.db', 'databricks'])(
    '%s is no address of a server',
    (uri) => {
      expect(() => mlflowSettings({ MLFLOW_TRACKING_URI: uri })).toThrow(
        expect.objectContaining({ code: 'option-invalid' }),
      );
    },
  );
});
