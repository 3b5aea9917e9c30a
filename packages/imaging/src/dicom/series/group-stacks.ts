import { type Instance, type PartitionKey, type Plane, partitionKeys } from './instance.ts';
import { type LayoutOutcome, layOutStack, layoutTolerances } from './stack-layout.ts';

/** Planes of one series that belong on one grid. */
export interface Stack {
  /** What `seriesInstanceUid` selects it: the UID, with `#1`, `#2`, … in a series of several stacks. */
  readonly selector: string;
  readonly planes: readonly Plane[];
  readonly isLocalizer: boolean;
  readonly outcome: LayoutOutcome;
  /** What sets it apart from the other stacks of its series, in words. */
  readonly difference?: string;
}

export interface Series {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly instances: readonly Instance[];
  /** The largest first. */
  readonly stacks: readonly Stack[];
}

/** Groups image objects by study and series, in the order of their first file, and splits series into stacks. */
export function groupSeries(instances: readonly Instance[]): Series[] {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    const key = `${instance.studyUid}|${instance.seriesUid}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [instance]);
    else group.push(instance);
  }
  return [...groups.values()].map((group) => ({
    studyUid: group[0]!.studyUid,
    seriesUid: group[0]!.seriesUid,
    instances: group,
    stacks: splitIntoStacks(group),
  }));
}

interface Part {
  readonly planes: readonly Plane[];
  readonly difference?: string;
}

function splitIntoStacks(instances: readonly Instance[]): Stack[] {
  const where = instances[0]!.seriesUid || '(no Series Instance UID)';
  const clusters: Plane[][] = [];
  for (const instance of instances) {
    for (const plane of instance.frames) {
      const home = clusters.find((cluster) => fitTogether(cluster[0]!, plane));
      if (home === undefined) clusters.push([plane]);
      else home.push(plane);
    }
  }
  const parts = clusters.flatMap((cluster): Part[] => {
    const inner = splitAcquisitions(cluster, where);
    if (clusters.length === 1) return inner;
    return inner.map((part) => ({
      planes: part.planes,
      difference: [describePlane(cluster[0]!), part.difference]
        .filter((text) => text !== undefined)
        .join(', '),
    }));
  });
  parts.sort((a, b) => b.planes.length - a.planes.length);
  return parts.map((part, i) => ({
    selector: parts.length === 1 ? where : `${where}#${i + 1}`,
    planes: part.planes,
    isLocalizer: isLocalizer(part.planes[0]!),
    outcome: judge(part.planes, parts.length > 1 ? `series ${where}, stack ${i + 1}` : `series ${where}`),
    difference: part.difference,
  }));
}

/** Broken pixels are why a stack is no volume: a cut off object's single plane says nothing of its geometry. */
function judge(planes: readonly Plane[], where: string): LayoutOutcome {
  const outcome = layOutStack(planes, where);
  const broken = planes.find((plane) => plane.instance.pixelProblem !== undefined);
  if (outcome.layout !== undefined || broken === undefined) return outcome;
  return { refusal: broken.instance.pixelProblem! };
}

function isLocalizer(plane: Plane): boolean {
  return plane.imageType.some((value) => value === 'LOCALIZER' || value === 'SCOUT');
}

/** Whether two planes could lie on one grid. */
function fitTogether(a: Plane, b: Plane): boolean {
  const [p, q] = [a.instance.pixels, b.instance.pixels];
  if (p.rows !== q.rows || p.columns !== q.columns || p.samples !== q.samples) return false;
  if (a.instance.sopClassUid !== b.instance.sopClassUid) return false;
  if (isLocalizer(a) !== isLocalizer(b) || a.frameOfReferenceUid !== b.frameOfReferenceUid) return false;
  const near = (
    u: readonly number[] | undefined,
    v: readonly number[] | undefined,
    tolerance: (value: number) => number,
  ) =>
    u === undefined || v === undefined
      ? u === v
      : u.every((value, i) => Math.abs(value - v[i]!) <= tolerance(value));
  return (
    near(a.orientation, b.orientation, () => layoutTolerances.sameOrientation) &&
    near(a.pixelSpacing, b.pixelSpacing, (value) => layoutTolerances.sameSpacing * value)
  );
}

function describePlane(plane: Plane): string {
  const { rows, columns } = plane.instance.pixels;
  const parts = [`${columns} x ${rows} pixels`];
  if (plane.pixelSpacing) parts.push(`${plane.pixelSpacing[1]} x ${plane.pixelSpacing[0]} mm`);
  parts.push(
    plane.orientation
      ? `direction ${plane.orientation.map((v) => Number(v.toFixed(3))).join('\\')}`
      : 'no orientation',
  );
  return parts.join(', ');
}

/**
 * Splits planes that do not make one even stack, by the first attribute under which every part does:
 * two phases under one series number, two ranges with a gap between. An attribute that differs from slice to
 * slice (scanners number acquisitions so) does not split.
 */
function splitAcquisitions(planes: readonly Plane[], where: string): Part[] {
  if (isClean(planes, where)) return [{ planes }];
  for (const key of partitionKeys) {
    const parts = partitionBy(planes, key);
    if (parts.size < 2) continue;
    const all = [...parts.values()];
    if (all.every((part) => part.length >= 2 && isClean(part, where))) {
      return [...parts].map(([value, part]) => ({ planes: part, difference: `${key} ${value || '(none)'}` }));
    }
  }
  return [{ planes }];
}

function partitionBy(planes: readonly Plane[], key: PartitionKey): Map<string, Plane[]> {
  const parts = new Map<string, Plane[]>();
  for (const plane of planes) {
    const value = plane.partition[key];
    const part = parts.get(value);
    if (part === undefined) parts.set(value, [plane]);
    else part.push(plane);
  }
  return parts;
}

/** One even stack, without gaps and duplicates. */
function isClean(planes: readonly Plane[], where: string): boolean {
  const { layout } = layOutStack(planes, where);
  return layout?.slots.every((slot) => slot.length === 1) ?? false;
}
