import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { posix } from 'node:path';

/**
 * Plays the part of MLflow's REST API 2.0 that an export needs, on the loopback address, by its documentation: methods and
 * paths, bounds of a request, names that are allowed, parameters that never change, error codes. What it was told stays in memory.
 */
export interface MlflowServer {
  readonly uri: string;
  /** All requests in order, refused ones too. */
  readonly requests: readonly ReceivedRequest[];
  readonly experiments: ReadonlyMap<string, StoredExperiment>;
  readonly runs: readonly StoredRun[];
  /** Called before each request is obeyed; what it gives is answered instead. `obey` does as asked first. */
  disturb: ((request: ReceivedRequest) => Disturbance | undefined) | undefined;
  close(): Promise<void>;
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Json;
}

export interface Disturbance {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The request was obeyed, only its answer was lost. */
  readonly obey?: boolean;
}

export interface StoredExperiment {
  readonly id: string;
  lifecycle: 'active' | 'deleted';
}

export interface StoredRun {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly startTime: number;
  endTime: number | null;
  status: string;
  lifecycle: 'active' | 'deleted';
  readonly params: Map<string, string>;
  readonly tags: Map<string, string>;
  readonly metrics: { key: string; value: unknown; timestamp: number; step: number }[];
}

type Json = Readonly<Record<string, unknown>>;

class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const invalid = (message: string) => new ApiError(400, 'INVALID_PARAMETER_VALUE', message);
const missing = (message: string) => new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', message);

/** Starts a server on a free port. */
export async function startMlflowServer(): Promise<MlflowServer> {
  const requests: ReceivedRequest[] = [];
  const experiments = new Map<string, StoredExperiment>();
  const runs: StoredRun[] = [];

  const runOf = ({ run_id: id }: Json): StoredRun => {
    const run = runs.find((one) => one.id === id);
    if (run === undefined) throw missing(`Run with id=${String(id)} not found`);
    return run;
  };
  const activeRunOf = (body: Json): StoredRun => {
    const run = runOf(body);
    if (run.lifecycle !== 'active') throw invalid(`The run ${run.id} must be in the 'active' state.`);
    return run;
  };

  const endpoints: Readonly<Record<string, (body: Json) => unknown>> = {
    'GET experiments/get-by-name': ({ experiment_name: name }) => {
      const experiment = experiments.get(textOf(name, 'experiment_name'));
      if (experiment === undefined) throw missing(`Could not find experiment with name '${String(name)}'`);
      return {
        experiment: { experiment_id: experiment.id, name, lifecycle_stage: experiment.lifecycle },
      };
    },
    'POST experiments/create': ({ name }) => {
      const key = textOf(name, 'name');
      if (experiments.has(key)) {
        throw new ApiError(400, 'RESOURCE_ALREADY_EXISTS', `Experiment '${key}' already exists.`);
      }
      experiments.set(key, { id: String(experiments.size + 1), lifecycle: 'active' });
      return { experiment_id: experiments.get(key)!.id };
    },
    'POST runs/create': (body) => {
      const experiment = textOf(body.experiment_id, 'experiment_id');
      if (![...experiments.values()].some(({ id }) => id === experiment)) throw missing('No such experiment');
      const run: StoredRun = {
        id: (runs.length + 1).toString(16).padStart(32, '0'),
        experiment,
        name: textOf(body.run_name, 'run_name'),
        startTime: integerOf(body.start_time, 'start_time'),
        endTime: null,
        status: 'RUNNING',
        lifecycle: 'active',
        params: new Map(),
        tags: new Map([['mlflow.runName', textOf(body.run_name, 'run_name')]]),
        metrics: [],
      };
      for (const tag of listOf(body.tags)) setTag(run, tag);
      runs.push(run);
      return { run: describe(run) };
    },
    'POST runs/log-batch': (body) => {
      const run = activeRunOf(body);
      const [metrics, params, tags] = [listOf(body.metrics), listOf(body.params), listOf(body.tags)];
      if (metrics.length > 1000) throw invalid(`at most 1000 metrics, got ${metrics.length}`);
      if (params.length > 100) throw invalid(`at most 100 params, got ${params.length}`);
      if (tags.length > 100) throw invalid(`at most 100 tags, got ${tags.length}`);
      if (metrics.length + params.length + tags.length > 1000) throw invalid('at most 1000 entities');
      const keys = params.map(({ key }) => key);
      if (new Set(keys).size < keys.length) throw invalid('Duplicate parameter keys');
      for (const { key, value } of params) {
        const [name, text] = [nameOf(key), textOf(value, 'value')];
        if (text.length > 6000) throw invalid(`Param value had length ${text.length}`);
        if (run.params.has(name) && run.params.get(name) !== text) {
          throw invalid(`Changing param values is not allowed: ${name}`);
        }
        run.params.set(name, text);
      }
      for (const { key, value, timestamp, step } of metrics) {
        const isNumber = typeof value === 'number' || /^(NaN|-?Infinity)$/.test(String(value));
        if (!isNumber) throw invalid(`Got invalid value ${String(value)} for metric ${String(key)}`);
        run.metrics.push({
          key: nameOf(key),
          value,
          timestamp: integerOf(timestamp, 'timestamp'),
          step: integerOf(step, 'step'),
        });
      }
      for (const tag of tags) setTag(run, tag);
      return {};
    },
    'POST runs/update': (body) => {
      const run = activeRunOf(body);
      if (!['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'].includes(String(body.status))) {
        throw invalid(`Invalid status ${String(body.status)}`);
      }
      run.status = String(body.status);
      if (body.end_time !== undefined) run.endTime = integerOf(body.end_time, 'end_time');
      return { run_info: describe(run).info };
    },
    'POST runs/search': (body) => {
      const [, key, value] = /^tags\.`([^`]+)` = '([^']*)'$/.exec(textOf(body.filter, 'filter')) ?? [];
      if (key === undefined) throw invalid(`Invalid clause in filter string: ${String(body.filter)}`);
      const asked = body.experiment_ids as readonly string[];
      const found = runs.filter(
        (run) => run.lifecycle === 'active' && asked.includes(run.experiment) && run.tags.get(key) === value,
      );
      // Without runs, the field is left out: that is how protocol buffers become JSON.
      return found.length === 0 ? {} : { runs: found.map(describe) };
    },
    'POST runs/delete': (body) => {
      activeRunOf(body).lifecycle = 'deleted';
      return {};
    },
  };

  const server = createServer(async (incoming, answer) => {
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
    const text = await textOfRequest(incoming);
    const path = url.pathname.replace(/^\/api\/2\.0\/mlflow\//, '');
    const isApi = path !== url.pathname;
    const request: ReceivedRequest = {
      method: incoming.method ?? '',
      path,
      authorization: incoming.headers.authorization,
      body: text === '' ? Object.fromEntries(url.searchParams) : (JSON.parse(text) as Json),
    };
    requests.push(request);
    const send = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
      answer.writeHead(status, { 'content-type': 'application/json', ...headers });
      answer.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const obey = (): [number, unknown] => {
      try {
        const endpoint = isApi ? endpoints[`${request.method} ${path}`] : undefined;
        if (endpoint === undefined) return [404, '<h1>Not Found</h1>'];
        if (text.length > 1_000_000)
          throw invalid('Batched logging API requests must be at most 1000000 bytes');
        return [200, endpoint(request.body)];
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return [error.status, { error_code: error.code, message: error.message }];
      }
    };
    const disturbance = facade.disturb?.(request);
    if (disturbance === undefined) return send(...obey());
    if (disturbance.obey === true) obey();
    return send(disturbance.status, disturbance.body ?? '', disturbance.headers);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const facade: MlflowServer = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    experiments,
    runs,
    disturb: undefined,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
  return facade;
}

function describe(run: StoredRun) {
  return {
    info: {
      run_id: run.id,
      run_uuid: run.id,
      run_name: run.name,
      experiment_id: run.experiment,
      status: run.status,
      start_time: run.startTime,
      lifecycle_stage: run.lifecycle,
    },
    data: { tags: [...run.tags].map(([key, value]) => ({ key, value })) },
  };
}

function setTag(run: StoredRun, { key, value }: Json): void {
  const text = textOf(value, 'value');
  if (text.length > 5000) throw invalid(`Tag value had length ${text.length}`);
  run.tags.set(nameOf(key), text);
}

function nameOf(key: unknown): string {
  const name = textOf(key, 'key');
  if (!/^[/\w.\- ]+$/.test(name) || name.length > 250) throw invalid(`Invalid name: '${name}'`);
  if (posix.normalize(name) !== name || name === '.' || /^(\.\.|\/)/.test(name)) {
    throw invalid(`Names must not resolve to other names: '${name}'`);
  }
  return name;
}

function textOf(value: unknown, field: string): string {
  if (typeof value === 'string' && (value !== '' || field === 'value')) return value;
  throw invalid(`Missing value for required parameter '${field}'`);
}

function integerOf(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`Invalid value ${String(value)} for parameter '${field}'`);
}

function listOf(value: unknown): readonly Json[] {
  return (value ?? []) as readonly Json[];
}

async function textOfRequest(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
