import type { MlflowEntry, MlflowMetric } from './mlflow-run.ts';

/** What one request of runs/log-batch may hold, by MLflow's documentation; bytes with room for the run's id. */
const most = { metrics: 1000, params: 100, tags: 100, total: 1000, bytes: 900_000 } as const;

export interface LogBatch {
  readonly metrics: readonly MlflowMetric[];
  readonly params: readonly MlflowEntry[];
  readonly tags: readonly MlflowEntry[];
}

type Part = 'metrics' | 'params' | 'tags';

/** Cuts what a run has into requests within MLflow's bounds; the order within a kind is kept. */
export function logBatches(run: LogBatch): LogBatch[] {
  const batches: LogBatch[] = [];
  let metrics: MlflowMetric[] = [];
  let params: MlflowEntry[] = [];
  let tags: MlflowEntry[] = [];
  let bytes = 0;
  const close = () => {
    if (bytes > 0) batches.push({ metrics, params, tags });
    [metrics, params, tags, bytes] = [[], [], [], 0];
  };
  const makeRoom = (part: Part, entry: unknown) => {
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    const total = metrics.length + params.length + tags.length;
    const count = { metrics, params, tags }[part].length;
    if (count >= most[part] || total >= most.total || bytes + size > most.bytes) close();
    bytes += size;
  };
  for (const entry of run.tags) {
    makeRoom('tags', entry);
    tags.push(entry);
  }
  for (const entry of run.params) {
    makeRoom('params', entry);
    params.push(entry);
  }
  for (const entry of run.metrics) {
    makeRoom('metrics', entry);
    metrics.push(entry);
  }
  close();
  return batches;
}
