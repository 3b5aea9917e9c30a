import { runNames } from '@glisson/pipeline/experiments/export/run-names';
import { parseWhere } from '@glisson/pipeline/experiments/query/parse-where';
import type { RunRecord } from '@glisson/pipeline/experiments/record/run-record';
import { findRun } from '@glisson/pipeline/experiments/store/find-run';
import { UsageError } from '../terminal/error-report.ts';
import { renderTable } from '../terminal/table.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import { withStore } from './with-store.ts';

export interface PruneOptions {
  readonly runs?: string;
  readonly where?: string;
  readonly keepBest?: number;
  readonly failed?: boolean;
  readonly checkpoints?: boolean;
  readonly yes?: boolean;
}

/** `runs prune` */
export async function pruneAction(
  names: readonly string[],
  options: PruneOptions,
  context: VerbContext,
): Promise<VerbResult> {
  const { where, keepBest, failed, checkpoints, yes = false } = options;
  if (names.length > 0 && where !== undefined) throw new UsageError('Name runs or give --where, not both.');
  if (names.length === 0 && where === undefined && !keepBest && !failed && !checkpoints) {
    throw new UsageError('Say what may go: RUNs, --where, --failed, --keep-best or --checkpoints.');
  }
  const { planPrune } = await import('@glisson/pipeline/experiments/prune/plan-prune');
  const { carryOutPrune } = await import('@glisson/pipeline/experiments/prune/carry-out-prune');
  return withStore(options.runs, context, async (store) => {
    const candidates: RunRecord[] = [];
    if (names.length === 0)
      candidates.push(...store.records(where === undefined ? {} : { where: parseWhere(where) }));
    for (const name of names) candidates.push(await findRun(store, name));
    const plan = await planPrune({
      candidates,
      ...(keepBest !== undefined && { keepBest }),
      ...(failed && { failed }),
      ...(checkpoints && { checkpoints }),
    });
    const titles = runNames(
      plan.runs.map(({ folder }) => folder),
      store.folder,
    );
    const total = plan.runs.reduce((sum, { bytes }) => sum + bytes, 0);
    const rows = plan.runs.map(({ reason, entries, bytes }, n) => [
      titles[n]!,
      megabytes(bytes),
      entries.length === 1 ? entries[0]! : 'all of it',
      reason,
    ]);
    const list =
      plan.runs.length === 0 ? ['Nothing to delete.'] : [renderTable(['run', 'MB', 'what', 'why'], rows)];
    for (const { folder, reason } of plan.kept) list.push(`stays: ${folder}: ${reason}`);
    // What goes is listed before it does.
    if (yes && plan.runs.length > 0) for (const line of list) context.note(line);
    const pruned = yes ? await carryOutPrune(plan, context.control) : [];
    const left = pruned.filter((one) => one.left.length > 0);
    const said = yes
      ? [
          `Deleted ${megabytes(pruned.reduce((sum, { bytes }) => sum + bytes, 0))} MB of ${pruned.length} runs.`,
        ]
      : plan.runs.length > 0
        ? [
            '',
            `${megabytes(total)} MB of ${plan.runs.length} runs would be deleted. Nothing was: --yes deletes it.`,
          ]
        : [];
    for (const one of left)
      said.push(`${one.folder} stays: somebody else's ${one.left.join(', ')} is in it.`);
    return {
      json: { schema: 'glisson.runs-prune/1', deleted: yes, ...plan, bytes: total, pruned },
      text: (yes && plan.runs.length > 0 ? said : [...list, ...said]).join('\n'),
    };
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
