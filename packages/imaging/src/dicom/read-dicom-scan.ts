import { setImmediate } from 'node:timers/promises';
import { ImagingError } from '../errors/imaging-error.ts';
import { assertGeometry, type Geometry } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { Finding, Scan, SourceSlice, Straightening } from '../volume/scan.ts';
import { createVolume, type VolumeVoxels } from '../volume/volume.ts';
import { indexDicom } from './index-dicom.ts';
import { identify } from './list-series.ts';
import { type FrameReader, openFrames } from './pixels/frame-reader.ts';
import { convertFrame, isIntegral, type Padding } from './pixels/modality-transform.ts';
import { chooseStack } from './series/choose-stack.ts';
import { groupSeries } from './series/group-stacks.ts';
import type { Instance, Plane } from './series/instance.ts';
import { headerFindings, isHounsfield, listed } from './series/stack-findings.ts';
import { openSource } from './source/open-source.ts';
import { placeSlice, straightGrid } from './straighten.ts';

export interface ReadDicomOptions {
  /** Series Instance UID, or `UID#2` for the second stack of a series that holds several. */
  readonly seriesInstanceUid?: string;
  /** Only files below this folder of the path, with forward slashes: for one of several folders in a zip. */
  readonly within?: string;
}

/** What fills a straightened canvas and replaces padding, in HU: air. */
const air = -1024;

/**
 * Reads one series of a folder (all levels), a file or a zip as a volume: slices sorted along their normal,
 * rescaled each by its own slope and intercept, on their true grid in LPS. Values are Int16 when all are whole
 * numbers in range, else Float32. The slices stream through one buffer into the volume.
 *
 * - Padding (Pixel Padding Value and Range Limit) of a CT becomes -1024; other values below -1024 are kept and reported.
 * - Identical duplicates are read once; different ones are refused.
 * - Few missing slices are interpolated; their entry in `slices` has no file. Many are refused.
 * - A sheared stack (gantry tilt) is straightened: see `Straightening`.
 * @throws ImagingError `not-an-image`, `not-found`, `value-invalid` (several series), `geometry-invalid`, `damaged`,
 * `unsupported`, `unsafe-archive`
 */
export async function readDicomScan(
  path: string,
  o: ReadDicomOptions = {},
  control: TaskControl = {},
): Promise<Scan> {
  const source = await openSource(path, o.within);
  try {
    const index = await indexDicom(source, control);
    const all = groupSeries(index.instances);
    const damaged = index.unread.filter((file) => file.isDicom);
    if (all.length === 0 && damaged.length > 0) {
      throw new ImagingError('damaged', 'No DICOM file here can be read.', {
        where: path,
        found: listed(damaged.map(({ file, reason }) => `${file}: ${reason}`)),
      });
    }
    if (all.length === 0) {
      const seen =
        index.others.length > 0 ? listed(index.others.map((one) => `${one.file}: ${one.kind}`)) : undefined;
      throw new ImagingError('not-an-image', 'There are no DICOM images here.', {
        where: path,
        found:
          seen ??
          (index.unread.length > 0
            ? listed(index.unread.map((one) => `${one.file}: ${one.reason}`))
            : 'nothing'),
        expected: 'a series of CT slices',
        advice: index.others.some((one) => one.kind.startsWith('directory'))
          ? 'A DICOMDIR only lists files: give the folder that holds them.'
          : undefined,
      });
    }
    const choice = chooseStack(all, o.seriesInstanceUid, path, (series) =>
      index.details.get(`${series.studyUid}|${series.seriesUid}`),
    );
    const { stack } = choice;
    const findings: Finding[] = [...choice.findings, ...headerFindings(stack)];
    if (damaged.length > 0) {
      findings.push({
        severity: 'warning',
        code: 'unreadable-file',
        message: `${damaged.length} DICOM file${damaged.length > 1 ? 's' : ''} could not be read: ${listed(damaged.map(({ file, reason }) => `${file} (${reason})`))}`,
        where: path,
      });
    }
    const lacking = index.others.filter(
      (one) =>
        one.lacksPixels && (one.seriesInstanceUid ?? choice.series.seriesUid) === choice.series.seriesUid,
    );
    if (lacking.length > 0) {
      findings.push({
        severity: 'warning',
        code: 'images-without-pixels',
        message: `${lacking.length} image file${lacking.length > 1 ? 's hold' : ' holds'} no pixels (cut off?): ${listed(lacking.map((one) => one.file))}`,
        where: path,
      });
    }
    const layout = stack.outcome.layout!;
    findings.push(...layout.findings);
    const broken = stack.planes.find((plane) => plane.instance.pixelProblem !== undefined);
    if (broken !== undefined) throw broken.instance.pixelProblem;
    if (stack.planes[0]!.instance.pixels.samples > 1) {
      throw new ImagingError('unsupported', 'Colour images hold no measured values.', { where: path });
    }
    const straight = layout.shiftPx && straightGrid(layout.geometry, layout.shiftPx);
    const geometry = straight?.geometry ?? layout.geometry;
    assertGeometry(geometry, path);
    const hounsfield = isHounsfield(stack.planes);
    const voxels = await readVoxels(
      {
        slots: layout.slots,
        geometry,
        straightening: straight?.straightening,
        source: layout.geometry,
        path,
      },
      findings,
      control,
    );
    return {
      volume: createVolume(geometry, voxels),
      format: 'dicom',
      path,
      isHounsfield: hounsfield,
      slices: layout.slots.map((slot) => sourceSlice(slot[0])),
      series: identify(
        choice.series,
        index.details.get(`${choice.series.studyUid}|${choice.series.seriesUid}`),
      ),
      straightening: straight?.straightening,
      findings,
    };
  } finally {
    source.close();
  }
}

function sourceSlice(plane: Plane | undefined): SourceSlice {
  if (plane === undefined) return {};
  const { entry, sopInstanceUid, pixels } = plane.instance;
  return { file: entry.name, sopInstanceUid, ...(pixels.frames > 1 ? { frame: plane.frame } : {}) };
}

interface Assembly {
  readonly slots: readonly (readonly Plane[])[];
  readonly geometry: Geometry;
  /** Grid of the slices before straightening. */
  readonly source: Geometry;
  readonly straightening?: Straightening;
  readonly path: string;
}

async function readVoxels(a: Assembly, findings: Finding[], control: TaskControl): Promise<VolumeVoxels> {
  const planes = a.slots.flat();
  const isCt = planes[0]!.instance.modality === 'CT';
  const whole = planes.every((p) => isIntegral(p.transform) && p.instance.pixels.kind === 'integer');
  const [width, height, depth] = a.geometry.size;
  const area = width * height;
  const [columns, rows] = a.source.size;
  const count = columns * rows;
  let out: VolumeVoxels = allocate(whole, area * depth, a.path);
  const temporary = (): VolumeVoxels =>
    out instanceof Int16Array ? new Int16Array(count) : new Float32Array(count);
  const readers = openOne();
  const totals = {
    belowAir: 0,
    padded: 0,
    padding: new Set<number>(),
    keptPadding: new Set<number>(),
    dropped: 0,
  };

  /** Converts a plane into `target`; makes the volume Float32 when a value does not fit. */
  const convert = async (plane: Plane, k: number, direct: boolean): Promise<VolumeVoxels> => {
    const reader = await readers(plane.instance);
    const words = await reader.frame(plane.frame);
    if (words.length < count) {
      throw new ImagingError('damaged', 'A slice holds fewer pixels than rows and columns ask for.', {
        where: plane.instance.entry.name,
        found: `${words.length}`,
        expected: `${count}`,
      });
    }
    const padding = isCt ? paddingOf(plane, totals.keptPadding) : undefined;
    let target = direct ? out : temporary();
    const at = direct ? k * area : 0;
    let result = convertFrame(words, reader.description, plane.transform, padding, target, at, count);
    if (target instanceof Int16Array && !result.fits) {
      out = Float32Array.from(out);
      target = direct ? out : temporary();
      result = convertFrame(words, reader.description, plane.transform, padding, target, at, count);
    }
    totals.belowAir += result.belowAir;
    totals.padded += result.padded;
    return target;
  };

  for (let k = 0; k < depth; k++) {
    if (k % 8 === 0) {
      control.signal?.throwIfAborted();
      control.onProgress?.({ stage: 'reading slices', done: k, total: depth, unit: 'slices' });
      await setImmediate();
    }
    const slot = a.slots[k]!;
    if (slot.length === 0) continue;
    const slice = await convert(slot[0]!, k, a.straightening === undefined);
    const own = a.straightening === undefined ? slice.subarray(k * area, k * area + count) : slice;
    if (slot.length > 1) await assertDuplicatesEqual(slot, own, a, (plane) => convert(plane, k, false));
    totals.dropped += slot.length - 1;
    if (a.straightening !== undefined) {
      placeSlice(own, a.straightening, k, isCt ? air : 0, out, [width, height]);
    }
  }
  interpolateMissing(a.slots, out, area);
  control.onProgress?.({ stage: 'reading slices', done: depth, total: depth, unit: 'slices' });
  report(totals, isCt, findings, a.path);
  return out;
}

function allocate(whole: boolean, count: number, path: string): VolumeVoxels {
  try {
    return whole ? new Int16Array(count) : new Float32Array(count);
  } catch (error) {
    throw new ImagingError('unsupported', 'The volume is too large for memory.', {
      where: path,
      found: `${count} voxels`,
      cause: error,
    });
  }
}

/** Keeps the last instance open: frames of one object come one after the other. */
function openOne(): (instance: Instance) => Promise<FrameReader> {
  let last: Instance | undefined;
  let reader: FrameReader | undefined;
  return async (instance) => {
    if (instance !== last || reader === undefined) {
      reader = await openFrames(instance.entry, instance.pixels);
      last = instance;
    }
    return reader;
  };
}

/**
 * Padding of a CT slice. A padding value among the values of tissue is kept as it is and told about:
 * replacing it would punch holes into the patient.
 */
function paddingOf(plane: Plane, kept: Set<number>): Padding | undefined {
  const { padding, pixels } = plane.instance;
  if (padding === undefined || pixels.kind !== 'integer') return undefined;
  const asStored = (word: number) => (pixels.signed ? (word << 16) >> 16 : word);
  const a = asStored(padding.value);
  const b = padding.limit === undefined ? a : asStored(padding.limit);
  const [least, most] = pixels.signed
    ? [-(2 ** (pixels.bitsStored - 1)), 2 ** (pixels.bitsStored - 1) - 1]
    : [0, 2 ** pixels.bitsStored - 1];
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  const value = (stored: number) => stored * plane.transform.slope + plane.transform.intercept;
  const fits = high >= least && low <= most;
  if (fits && plane.transform.lut === undefined) {
    const units = [value(low), value(high)];
    if (Math.max(...units) > -900 && Math.min(...units) < 3000) {
      kept.add(value(a));
      return undefined;
    }
  }
  return { low: fits ? low : 1, high: fits ? high : 0, word: padding.value, fill: air };
}

/** @throws ImagingError `geometry-invalid` when two slices at one place hold different values. */
async function assertDuplicatesEqual(
  slot: readonly Plane[],
  first: VolumeVoxels,
  a: Assembly,
  convert: (plane: Plane) => Promise<VolumeVoxels>,
): Promise<void> {
  const kept = first.slice();
  for (const plane of slot.slice(1)) {
    const other = await convert(plane);
    let differing = 0;
    for (let i = 0; i < kept.length; i++) if (kept[i] !== other[i]) differing++;
    if (differing === 0) continue;
    throw new ImagingError('geometry-invalid', 'Two different slices lie at the same place.', {
      where: a.path,
      found: `${slot[0]!.instance.entry.name} and ${plane.instance.entry.name} at ${plane.position!.join('\\')}: ${differing} of ${kept.length} pixels differ`,
      expected: 'one slice a position',
      advice:
        'The series mixes acquisitions or reconstructions: put the files of each into a folder of its own.',
    });
  }
}

/** Fills slices without a file linearly between their neighbours (the first and last slice always have one). */
function interpolateMissing(slots: readonly (readonly Plane[])[], out: VolumeVoxels, area: number): void {
  const rounded = out instanceof Int16Array;
  for (let k = 1; k < slots.length; k++) {
    if (slots[k]!.length > 0) continue;
    let next = k;
    while (slots[next]!.length === 0) next++;
    const before = (k - 1) * area;
    const after = next * area;
    // The slice below is there or filled already: step by step is the same straight line.
    const t = 1 / (next - k + 1);
    for (let i = 0; i < area; i++) {
      const value = out[before + i]! + t * (out[after + i]! - out[before + i]!);
      out[k * area + i] = rounded ? Math.round(value) : value;
    }
  }
}

function report(
  totals: { belowAir: number; padded: number; keptPadding: ReadonlySet<number>; dropped: number },
  isCt: boolean,
  findings: Finding[],
  where: string,
): void {
  const find = (severity: Finding['severity'], code: string, message: string) =>
    findings.push({ severity, code, message, where });
  if (totals.dropped > 0) {
    find(
      'warning',
      'duplicates-dropped',
      `${totals.dropped} identical duplicate slice${totals.dropped > 1 ? 's were' : ' was'} left out.`,
    );
  }
  if (totals.padded > 0) {
    find(
      'info',
      'padding',
      `${totals.padded} voxels outside of the scanned field (Pixel Padding Value) are set to ${air} HU.`,
    );
  }
  if (totals.keptPadding.size > 0) {
    find(
      'warning',
      'padding-in-tissue',
      `Pixel Padding Value stands for ${[...totals.keptPadding].join(', ')} HU, a value of tissue: voxels with it are kept as they are.`,
    );
  }
  if (isCt && totals.belowAir > 0) {
    find(
      'info',
      'values-below-air',
      `${totals.belowAir} voxels lie below ${air} HU; they are kept as they are.`,
    );
  }
}
