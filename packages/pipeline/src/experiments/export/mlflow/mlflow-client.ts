import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../../../errors/pipeline-error.ts';
import type { MlflowSettings } from './mlflow-settings.ts';

/** Speaks MLflow's REST API, version 2.0. Both methods give the JSON of the answer. */
export interface MlflowClient {
  get(path: string, query: Readonly<Record<string, string>>): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
}

/** The server understood and said no, with a code of its API. */
export class MlflowRefusal extends PipelineError {
  /** For example `RESOURCE_DOES_NOT_EXIST`. */
  readonly apiCode: string;

  constructor(apiCode: string, message: string, where: string, status: number) {
    super('server-refused', 'The MLflow server refused.', {
      where,
      found: `${status} ${apiCode}: ${message}`.slice(0, 500),
      advice: adviceOn(status),
    });
    this.apiCode = apiCode;
  }
}

const passing = new Set([408, 429, 500, 502, 503, 504]);
const longestWaitMs = 60_000;

/**
 * A client that repeats requests which failed for a passing reason (no connection, no answer in time, 408, 429, 5xx), with
 * pauses that double from one second or are as the server wishes (Retry-After). Requests reject with PipelineError
 * `server-unreachable` when all attempts failed, `server-refused` (`MlflowRefusal`) when the answer is a definite no or
 * comes from something else than MLflow, or with the signal's reason.
 * @param pause waits; replaced in tests
 */
export function createMlflowClient(
  { uri, headers, timeoutMs, retries }: MlflowSettings,
  signal?: AbortSignal,
  pause: (ms: number) => Promise<unknown> = (ms) => sleep(ms, undefined, { signal }),
): MlflowClient {
  async function request(method: 'GET' | 'POST', url: string, body?: unknown): Promise<unknown> {
    let problem = '';
    for (let attempt = 0; attempt <= retries; attempt++) {
      signal?.throwIfAborted();
      const outcome = await attemptOnce(method, url, body);
      if ('answer' in outcome) return outcome.answer;
      problem = outcome.problem;
      if (attempt < retries) {
        await pause(Math.min(longestWaitMs, outcome.waitMs ?? 1000 * 2 ** attempt));
      }
    }
    throw new PipelineError('server-unreachable', 'The MLflow server does not answer.', {
      where: url,
      found: `${problem}, after ${retries + 1} attempts`,
      expected: 'an MLflow tracking server',
      advice:
        'Check MLFLOW_TRACKING_URI and the network, then run the same command again: runs that are there already stay as they are.',
    });
  }

  async function attemptOnce(method: string, url: string, body: unknown): Promise<Outcome> {
    let response: Response;
    let text: string;
    try {
      const timeout = AbortSignal.timeout(timeoutMs);
      response = await fetch(url, {
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        body: body === undefined ? null : JSON.stringify(body),
        // A redirected POST would turn into a GET, and the credentials belong to this server only.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      return { problem: reasonOf(error) };
    }
    if (passing.has(response.status)) {
      return { problem: `${response.status} ${response.statusText}`.trim(), waitMs: retryAfter(response) };
    }
    return { answer: answerOf(response, text, url) };
  }

  const address = (path: string) => `${uri}/api/2.0/mlflow/${path}`;
  return {
    get: (path, query) => request('GET', `${address(path)}?${new URLSearchParams(query)}`),
    post: (path, body) => request('POST', address(path), body),
  };
}

type Outcome =
  | { readonly answer: unknown }
  | { readonly problem: string; readonly waitMs?: number | undefined };

/** @throws MlflowRefusal */
function answerOf(response: Response, text: string, url: string): unknown {
  const { status } = response;
  const json = parseJson(text);
  if (status >= 300 && status < 400) {
    const target = response.headers.get('location') ?? 'elsewhere';
    throw new MlflowRefusal('REDIRECT', `the server sends to ${target}`, url, status);
  }
  if (response.ok) {
    if (json !== undefined) return json;
    throw new MlflowRefusal('NO_JSON', 'the answer is no JSON, so this is no MLflow API', url, status);
  }
  const { error_code: code, message } = (json ?? {}) as { error_code?: unknown; message?: unknown };
  throw new MlflowRefusal(
    typeof code === 'string' ? code : response.statusText || 'HTTP',
    typeof message === 'string' ? message : text.slice(0, 200).replaceAll(/\s+/g, ' '),
    url,
    status,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function adviceOn(status: number): string | undefined {
  if (status === 401 || status === 403) {
    return 'Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, to credentials that may write.';
  }
  if (status < 400 || status === 404) {
    return 'Check that MLFLOW_TRACKING_URI is the address of the tracking server itself.';
  }
  return undefined;
}

/** What fetch hides in its cause. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return 'no answer in time';
  const { code, message: why } = (cause ?? {}) as { code?: unknown; message?: unknown };
  return String(code ?? why ?? message);
}

/** Milliseconds of a Retry-After in seconds; one that gives a date is not heeded. */
function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
