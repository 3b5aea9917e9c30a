import type { FieldValue, RunRecord } from './run-record.ts';

/** Results that have another name as a field, since the plan has one of that name or the bare name would mislead. */
const renamed: Readonly<Record<string, string>> = { steps: 'stepsDone' };

/**
 * Everything about a run that can be filtered, sorted and shown, by name: the run itself, its results, its environment
 * (`environment.node`), and its plan by dotted name. Values that a run does not have are left out.
 */
export function recordFields(run: RunRecord): Record<string, Exclude<FieldValue, null>> {
  const own: Record<string, FieldValue | undefined> = {
    id: run.id,
    kind: run.kind,
    state: run.state,
    damage: run.damage,
    error: run.error,
    command: run.command,
    recipe: run.recipe,
    seed: run.seed,
    started: run.started,
    ended: run.ended,
    seconds: run.seconds,
    coreSeconds: run.coreSeconds,
    gitCommit: run.gitCommit,
    planHash: run.planHash,
    modelHash: run.modelHash,
    dataHash: run.dataHash,
    foldsHash: run.foldsHash,
    weights: run.weights?.origin,
    'weights.file': run.weights?.file,
    'weights.sha256': run.weights?.sha256,
    sweep: run.sweep?.id,
    trial: run.sweep?.trial,
    evaluates: run.evaluates?.run,
  };
  for (const [name, value] of Object.entries(run.results)) own[renamed[name] ?? name] = value;
  for (const [name, value] of Object.entries(run.environment)) own[`environment.${name}`] = value;
  const all = { ...run.fields, ...own };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, Exclude<FieldValue, null>] => entry[1] != null),
  );
}
