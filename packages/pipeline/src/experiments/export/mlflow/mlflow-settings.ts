import { PipelineError } from '../../../errors/pipeline-error.ts';

/** Where an MLflow tracking server is and how to speak to it. */
export interface MlflowSettings {
  /** Without a slash at the end, and without user and password. */
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly experiment: string;
  /** Of one request. */
  readonly timeoutMs: number;
  /** After the first attempt. */
  readonly retries: number;
  /** Things the user should know. */
  readonly warnings: readonly string[];
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from the variables that MLflow's own client reads: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN, or
 * MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_PASSWORD, MLFLOW_EXPERIMENT_NAME (default `glisson`),
 * MLFLOW_HTTP_REQUEST_TIMEOUT (seconds, default 120), MLFLOW_HTTP_REQUEST_MAX_RETRIES (default 5).
 * @throws PipelineError `option-invalid` when there is no URI, or it is none of an HTTP server
 */
export function mlflowSettings(environment: Environment): MlflowSettings {
  const url = trackingUrl(environment.MLFLOW_TRACKING_URI?.trim() ?? '');
  const token = environment.MLFLOW_TRACKING_TOKEN ?? '';
  const user = environment.MLFLOW_TRACKING_USERNAME ?? decodeURIComponent(url.username);
  const password = environment.MLFLOW_TRACKING_PASSWORD ?? decodeURIComponent(url.password);
  const headers: Record<string, string> = {};
  if (user !== '') {
    headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  } else if (token !== '') {
    headers.authorization = `Bearer ${token}`;
  }
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return {
    uri: url.href.replace(/\/+$/, ''),
    headers,
    experiment: environment.MLFLOW_EXPERIMENT_NAME?.trim() || 'glisson',
    timeoutMs: 1000 * numberOf(environment, 'MLFLOW_HTTP_REQUEST_TIMEOUT', 120),
    retries: numberOf(environment, 'MLFLOW_HTTP_REQUEST_MAX_RETRIES', 5),
    warnings:
      url.protocol === 'http:' && !isLocal && headers.authorization !== undefined
        ? [`Your credentials for ${url.host} go over plain HTTP: whoever is between can read them.`]
        : [],
  };
}

function trackingUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw new PipelineError('option-invalid', 'It is not known which MLflow server to export to.', {
    where: 'MLFLOW_TRACKING_URI in the environment',
    found: text === '' ? 'nothing' : text.replace(/\/\/[^/@]*@/, '//…@'),
    expected: 'the address of a tracking server, for example http://127.0.0.1:5000',
    advice:
      text === ''
        ? 'Set it. "mlflow server" starts a server on this machine.'
        : 'Folders, databases and Databricks profiles have no such address: start "mlflow server" on them.',
  });
}

function numberOf(environment: Environment, name: string, usual: number): number {
  const text = environment[name] ?? '';
  if (text === '') return usual;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new PipelineError('option-invalid', `${name} is no number.`, {
    where: `${name} in the environment`,
    found: text,
    expected: 'a number from 0',
  });
}
