import { join } from 'node:path';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { cacheFolder } from '../../preprocess/cache-folder.ts';
import { checkCandidates } from './check-candidates.ts';
import { columnsOf } from './outcome/columns.ts';
import { firstWeights } from './outcome/first-weights.ts';
import { prepareSweep } from './prepare-sweep.ts';
import { type SweepOptions, withOverrides } from './run-sweep.ts';
import { samplerOf } from './samplers/samplers.ts';
import type { Setting } from './space/dimension.ts';
import { pointKey, recipeOf, settingsByField } from './space/space.ts';
import { readSpec } from './spec/read-spec.ts';
import { spaceOf } from './spec/sweep-spec.ts';
import { plannedTrials } from './trials/run-trials.ts';

/** What a sweep would do. */
export interface SweepOutline {
  readonly schema: 'glisson.sweep-outline/1';
  readonly name: string;
  /** Fields that vary. */
  readonly fields: readonly string[];
  /** Trials that there will be; undefined: as many as the minutes allow. */
  readonly planned: number | undefined;
  /** Those that do not depend on results. */
  readonly trials: readonly {
    readonly trial: number;
    readonly recipe: string;
    readonly weights: string;
    readonly settings: Readonly<Record<string, Setting>>;
    readonly by: string;
  }[];
  /** Plans that were built to find impossible ones. */
  readonly checked: number;
}

/** Trials that are listed where only the minutes end a sweep. */
const mostListed = 100;

/**
 * Checks a sweep against its data and lists its trials, without training or writing anything. Of the trials of tpe those are
 * known that come before it learns.
 * @throws as `runSweep` before its first trial
 */
export async function outlineSweep(
  options: Omit<SweepOptions, 'out'>,
  control: TaskControl = {},
): Promise<SweepOutline> {
  const spec = withOverrides(await readSpec(options.spec), options);
  const cache = options.cache ?? join(cacheFolder(), 'preprocessed');
  const prepared = await prepareSweep(spec, cache, control);
  const checked = await checkCandidates(spec, prepared, options.spec);
  const space = spaceOf(spec);
  const planned = plannedTrials(spec);
  const { name, startup = 10, seed, size } = spec.sampler;
  const listed = Math.min(planned ?? mostListed, name === 'tpe' ? startup : Infinity);
  const taken = new Set<string>();
  const trials: SweepOutline['trials'][number][] = [];
  for (let trial = 1; trial <= listed; trial++) {
    const proposal = samplerOf(name, startup)({ space, seed, size, trial, taken, known: [] });
    if (proposal === undefined) break;
    taken.add(pointKey(proposal.point));
    const { point, by } = proposal;
    trials.push({
      trial,
      recipe: recipeOf(space, point),
      weights: await firstWeights(spec, space, point, await prepared.planAt(point)),
      settings: settingsByField(space, point),
      by,
    });
  }
  return {
    schema: 'glisson.sweep-outline/1',
    name: spec.name,
    fields: columnsOf(space).map(({ field }) => field),
    planned,
    trials,
    checked,
  };
}
