import type { SeededRandom } from '@glisson/imaging/random/seeded-random';
import type { TrainingPlan } from '../plan/plan.ts';
import { type CaseIndex, voxelOfRank } from './case-index.ts';
import { lesionValue, liverValue } from './label-values.ts';
import type { LesionIndex } from './lesion-index.ts';

/** Where a patch is cut: slice k of a case around a centre in continuous pixels. */
export interface PatchPlace {
  readonly index: CaseIndex;
  readonly slice: number;
  /** [x, y]; a patch of width w covers x - (w - 1) / 2 to x + (w - 1) / 2. */
  readonly centre: readonly [number, number];
  readonly kind: 'lesion' | 'liver' | 'anywhere';
}

/**
 * Draws the place of a patch: first the kind of centre, by the plan's chances; then the case, each that has voxels of
 * the kind equally likely, so that a patient with a huge lesion does not drown the others; then the voxel. With
 * `lesionDraw: 'lesion'` each lesion of all cases is equally likely instead, so that a huge lesion does not drown the
 * small ones of the same patient either. A kind that no case has gives way to the next of lesion, liver, anywhere. The patch is moved inside the slice where it fits.
 */
export function samplePatchPlace(
  cases: readonly CaseIndex[],
  plan: Pick<TrainingPlan, 'patchSize' | 'sampling' | 'lesionDraw'>,
  random: SeededRandom,
): PatchPlace {
  const draw = random.uniform();
  const wanted =
    draw < plan.sampling.lesion
      ? 'lesion'
      : draw < plan.sampling.lesion + plan.sampling.liver
        ? 'liver'
        : 'anywhere';
  if (wanted === 'lesion') {
    const place =
      plan.lesionDraw === 'lesion'
        ? sampleLesion(cases, plan.patchSize, random)
        : sampleLabel(cases, 'lesion', lesionValue, random);
    if (place !== undefined) return inside(place, plan.patchSize);
  }
  if (wanted !== 'anywhere') {
    const place = sampleLabel(cases, 'liver', liverValue, random);
    if (place !== undefined) return inside(place, plan.patchSize);
  }
  const index = cases[random.integer(cases.length)]!;
  const [width, height, depth] = index.prepared.geometry.size;
  const slice = random.integer(depth);
  const centre = [random.integer(width), random.integer(height)] as const;
  return inside({ index, slice, centre, kind: 'anywhere' }, plan.patchSize);
}

function sampleLabel(
  cases: readonly CaseIndex[],
  kind: 'lesion' | 'liver',
  value: number,
  random: SeededRandom,
): PatchPlace | undefined {
  const having = cases.filter((c) => c[kind].at(-1)! > 0);
  if (having.length === 0) return undefined;
  const index = having[random.integer(having.length)]!;
  const counts = index[kind];
  const [x, y, slice] = voxelOfRank(index, counts, value, random.integer(counts.at(-1)!));
  return { index, slice, centre: [x, y], kind };
}

/**
 * A voxel of one of all lesions, each equally likely, somewhere in the middle half of the patch: a network that pads
 * knows where the patch ends, and would learn that lesions lie in the middle.
 */
function sampleLesion(
  cases: readonly CaseIndex[],
  patchSize: readonly [number, number],
  random: SeededRandom,
): PatchPlace | undefined {
  const total = cases.reduce((sum, c) => sum + lesionsOf(c).count, 0);
  if (total === 0) return undefined;
  let rank = random.integer(total);
  const index = cases.find((c) => {
    const { count } = lesionsOf(c);
    if (rank < count) return true;
    rank -= count;
    return false;
  })!;
  const { start, voxels } = lesionsOf(index);
  const voxel = voxels[start[rank]! + random.integer(start[rank + 1]! - start[rank]!)]!;
  const [width, height] = index.prepared.geometry.size;
  const inSlice = voxel % (width * height);
  const near = (at: number, axis: 0 | 1): number => {
    const most = Math.floor(patchSize[axis] / 4);
    return at + random.integer(2 * most + 1) - most;
  };
  return {
    index,
    slice: Math.floor(voxel / (width * height)),
    centre: [near(inSlice % width, 0), near(Math.floor(inSlice / width), 1)],
    kind: 'lesion',
  };
}

function lesionsOf(index: CaseIndex): LesionIndex {
  if (index.lesions === null) throw new RangeError('the case was indexed without its lesions');
  return index.lesions;
}

/** Moves the centre so that the patch lies in the slice and on whole pixels; a patch larger than it is centred. */
function inside(place: PatchPlace, patchSize: readonly [number, number]): PatchPlace {
  const { size } = place.index.prepared.geometry;
  const along = (axis: 0 | 1): number => {
    const room = size[axis] - patchSize[axis];
    const wanted = place.centre[axis] - Math.floor(patchSize[axis] / 2);
    const start = room <= 0 ? Math.floor(room / 2) : Math.min(Math.max(wanted, 0), room);
    return start + (patchSize[axis] - 1) / 2;
  };
  return { ...place, centre: [along(0), along(1)] };
}
