import { openPatchScan, type PatchScan } from '../../patches/patch-scan.ts';
import { plannedWindows, windowGrid } from '../../patches/window-grid.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import type { PreparedCase } from '../../preprocess/prepared-case.ts';
import { lesionValue, liverValue } from '../label-values.ts';
import { spreadSlices } from '../score-slices.ts';

/** What the pixel in the middle of a patch is. `liver` is liver without lesion, `outside` lies in the body. */
export type PatchKind = 'lesion' | 'liver' | 'outside';

const kinds: readonly PatchKind[] = ['lesion', 'liver', 'outside'];

/** A labelled scan as patches are drawn from it. */
export interface PatchCase {
  readonly prepared: PreparedCase;
  readonly scan: PatchScan;
  /** Slices that may be used. */
  readonly slices: readonly number[];
  /** Labels of slice k on the scan's crop. */
  labels(k: number): Uint8Array;
  /** Entry n: middles of a kind in the first n of `slices`; the last entry is the total. */
  readonly counts: Readonly<Record<PatchKind, Float64Array>>;
  /** The middle of a kind with rank `rank` (0 is the first): slice, and pixel of the crop. */
  middleOf(kind: PatchKind, rank: number): PatchMiddle;
}

export interface PatchMiddle {
  readonly slice: number;
  /** [x, y] on the crop. */
  readonly pixel: readonly [number, number];
}

type CasePlan = Pick<PatchPlan, 'preprocess' | 'training' | 'inference'>;

/** The scan of a labelled case. Its liver is used where the plan crops or masks by it. */
export function openLabelledScan(prepared: PreparedCase, plan: CasePlan): PatchScan {
  const usesLiver = plan.preprocess.crop === 'liver' || plan.inference.mask === 'liver';
  const liver = usesLiver ? (k: number) => prepared.labels(k) : undefined;
  const scan = openPatchScan(prepared, plan.preprocess, liver);
  plannedWindows(scan.crop, plan, prepared.id);
  return scan;
}

/**
 * Counts the middles that patches of a case may have, on the plan's stride.
 * @param mostSlices of a small beginning: so many slices, evenly spread over those with lesions where there are any
 * @throws PipelineError as `openPatchScan` and `windowGrid`
 */
export function openPatchCase(prepared: PreparedCase, plan: CasePlan, mostSlices?: number): PatchCase {
  const scan = openLabelledScan(prepared, plan);
  const { crop } = scan;
  const { stride, patchSize } = plan.training;
  const { centresX, centresY } = windowGrid(crop, patchSize, stride, plan.preprocess.padding.pixels);
  const from = ([first]: readonly [number, number]) => Math.ceil(first / stride) * stride;

  /** Calls back for each possible middle of a slice; stops when told so by `true`. */
  const eachMiddle = (k: number, visit: (kind: PatchKind, x: number, y: number) => boolean | undefined) => {
    const labels = cropLabels(prepared, scan, k);
    const body = scan.body(k);
    for (let y = from(centresY); y <= centresY[1]; y += stride) {
      for (let x = from(centresX); x <= centresX[1]; x += stride) {
        const i = y * crop.width + x;
        const label = labels[i];
        if (label === 0 && body[i] === 0) continue;
        const kind = label === lesionValue ? 'lesion' : label === liverValue ? 'liver' : 'outside';
        if (visit(kind, x, y) === true) return;
      }
    }
  };

  const slices = chooseSlices(prepared, mostSlices);
  const count = () => new Float64Array(slices.length + 1);
  const counts = { lesion: count(), liver: count(), outside: count() };
  for (const [n, k] of slices.entries()) {
    for (const kind of kinds) counts[kind][n + 1] = counts[kind][n]!;
    eachMiddle(k, (kind) => {
      counts[kind][n + 1]!++;
      return undefined;
    });
  }
  return {
    prepared,
    scan,
    slices,
    counts,
    labels: (k) => cropLabels(prepared, scan, k),
    middleOf: (kind, rank) => {
      const n = counts[kind].findIndex((total) => total > rank) - 1;
      let left = rank - counts[kind][n]!;
      let pixel: readonly [number, number] | undefined;
      eachMiddle(slices[n]!, (found, x, y) => {
        if (found !== kind || left-- > 0) return false;
        pixel = [x, y];
        return true;
      });
      return { slice: slices[n]!, pixel: pixel! };
    },
  };
}

/** Labels of a slice on the scan's crop; new. */
export function cropLabels(prepared: PreparedCase, { crop }: PatchScan, k: number): Uint8Array {
  const labels = prepared.labels(k);
  const width = prepared.geometry.size[0];
  const out = new Uint8Array(crop.width * crop.height);
  for (let y = 0; y < crop.height; y++) {
    const at = (crop.y + y) * width + crop.x;
    out.set(labels.subarray(at, at + crop.width), y * crop.width);
  }
  return out;
}

/** All slices, or at most `most` of those with lesions, with liver, or of all: the first of these that are any. */
export function chooseSlices(prepared: PreparedCase, most = Number.POSITIVE_INFINITY): number[] {
  const all = Array.from({ length: prepared.geometry.size[2] }, (_, k) => k);
  if (all.length <= most) return all;
  const having = (value: number) => all.filter((k) => prepared.labels(k).includes(value));
  const candidates = [having(lesionValue), having(liverValue), all].find((list) => list.length > 0)!;
  return spreadSlices(candidates.length, most).map((n) => candidates[n]!);
}
