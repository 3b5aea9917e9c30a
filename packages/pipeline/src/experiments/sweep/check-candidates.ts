import { createRandom } from '@glisson/imaging/random/seeded-random';
import { patchNetwork } from '../../patches/patch-network.ts';
import { type AnyPlan, isPatchPlan } from '../../plan/any-plan.ts';
import { hashJson } from '../../plan/plan-text.ts';
import { scorerMode } from '../../predict/patches/open-scorer.ts';
import { assertGroups } from '../../train/patches/layer-groups.ts';
import { transferWeights } from '../../train/patches/transfer-weights.ts';
import type { PreparedSweep } from './prepare-sweep.ts';
import { type Dimension, gridOf, type Point, type Setting } from './space/dimension.ts';
import { buildPoint, combinations, type Space } from './space/space.ts';
import { type SweepSpec, spaceOf } from './spec/sweep-spec.ts';
import { asSweepError, sweepError } from './sweep-error.ts';

/** Plans that are built; where there are more, so many of them drawn at random. */
const mostCandidates = 2000;

/**
 * Builds the plan of every combination of options and ends of ranges (of all points of a grid), and reads the first weights that they
 * name, so that what cannot be trained is found before the first trial.
 * @throws PipelineError `sweep-invalid` that names the combination
 */
export async function checkCandidates(
  spec: SweepSpec,
  prepared: PreparedSweep,
  file: string,
): Promise<number> {
  const space = spaceOf(spec);
  const settingsOf = (dimension: Dimension): readonly Setting[] => {
    const isRange = dimension.kind !== 'choice';
    return isRange && spec.sampler.name !== 'grid'
      ? [dimension.low, dimension.high]
      : (gridOf(dimension) ?? []);
  };
  const looked = new Set<string>();
  let count = 0;
  for (const point of candidatesOf(space, settingsOf)) {
    count++;
    try {
      assertFieldsOnce(space, point);
      await checkPlan(await prepared.planAt(point), looked);
    } catch (error) {
      throw asSweepError(error, `${file}, the trial ${describePoint(point)}`);
    }
  }
  return count;
}

function candidatesOf(space: Space, settingsOf: (dimension: Dimension) => readonly Setting[]): Point[] {
  const points: Point[] = [];
  for (const point of combinations(space, settingsOf)) {
    points.push(point);
    if (points.length > mostCandidates) break;
  }
  if (points.length <= mostCandidates) return points;
  return Array.from({ length: mostCandidates }, (_, n) =>
    buildPoint(space, (dimension) => {
      const settings = settingsOf(dimension);
      return settings[createRandom('candidates', n, dimension.name).integer(settings.length)]!;
    }),
  );
}

/** What training would find wrong with a plan before it writes anything, once for each network. */
async function checkPlan(plan: AnyPlan, looked: Set<string>): Promise<void> {
  if (!isPatchPlan(plan)) return;
  const { transfer, patchSize } = plan.training;
  const key = hashJson([plan.network, plan.inference, transfer, patchSize]);
  if (looked.has(key)) return;
  looked.add(key);
  scorerMode(plan);
  assertGroups(plan, patchNetwork(plan.network), [1, plan.network.inputChannels, patchSize, patchSize]);
  const fileKey = hashJson([plan.network, transfer.weights, patchSize]);
  if (!looked.has(fileKey)) await transferWeights(plan);
  looked.add(fileKey);
}

/** @throws PipelineError `sweep-invalid` when two dimensions set one field at the same point */
function assertFieldsOnce(space: Space, point: Point): void {
  const fields = new Map<string, string>();
  for (const { name, field } of space.dimensions) {
    if (point[name] === undefined) continue;
    const other = fields.get(field);
    if (other !== undefined) {
      throw sweepError('Two entries of the space set one field at the same time.', {
        found: `${field} by ${other} and by ${name}`,
        advice: 'Give them conditions (when) that exclude each other.',
      });
    }
    fields.set(field, name);
  }
}

/** A point in words: `recipe patch-small, training.optimiser.learningRate 0.001`. */
export function describePoint(point: Point): string {
  const settings = Object.entries(point).map(([name, setting]) => `${name} ${setting}`);
  return settings.length === 0 ? 'without anything varied' : `with ${settings.join(', ')}`;
}
