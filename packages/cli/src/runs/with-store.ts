import { openStore, type RunStore, type StoreOptions } from '@glisson/pipeline/experiments/store/open-store';
import { storeFolder } from '@glisson/pipeline/experiments/store/store-folder';
import type { VerbContext } from '../verb.ts';

/** Opens the folder of runs for as long as it is used, and says what a person should know of its index. */
export async function withStore<T>(
  runs: string | undefined,
  context: VerbContext,
  use: (store: RunStore) => T | Promise<T>,
  options: StoreOptions = {},
): Promise<T> {
  const store = await openStore(storeFolder(runs), options, context.control);
  try {
    for (const note of store.notes) context.note(`note: ${note}`);
    return await use(store);
  } finally {
    store.close();
  }
}
