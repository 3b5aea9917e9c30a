import type { VerbContext, VerbResult } from '../verb.ts';
import { withStore } from './with-store.ts';

/** `runs rebuild` */
export async function rebuildAction(
  options: { readonly runs?: string; readonly thorough?: boolean },
  context: VerbContext,
): Promise<VerbResult> {
  const { thorough = false } = options;
  return withStore(
    options.runs,
    context,
    (store) => {
      const { read } = store.refreshed;
      const damaged = store.records({
        where: { kind: 'compare', field: 'state', operator: '=', value: { text: 'damaged', number: null } },
      });
      const lines = [`Read ${read} runs anew: ${store.folder}`];
      for (const { folder, damage } of damaged) lines.push(`damaged: ${folder}: ${damage}`);
      return {
        json: {
          schema: 'glisson.runs-rebuild/1',
          store: store.folder,
          runs: read,
          damaged: damaged.map(({ folder, damage }) => ({ folder, damage })),
        },
        text: lines.join('\n'),
      };
    },
    { rebuild: true, thorough },
  );
}
