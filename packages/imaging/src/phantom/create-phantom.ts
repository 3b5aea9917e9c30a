import { ImagingError } from '../errors/imaging-error.ts';
import {
  assertGeometry,
  axisVector,
  determinant,
  type Geometry,
  identityDirection,
  type Mat3,
  type Vec3,
} from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { createRandom } from '../random/seeded-random.ts';
import { createLabelmap, type Labelmap, liverLabels } from '../volume/labelmap.ts';
import { createVolume, type Volume } from '../volume/volume.ts';
import { type BodyField, createBodyField, fieldOrgans, organIndex } from './body-field.ts';
import { createCtNoise } from './ct-noise.ts';
import { drawInnerTubes } from './inner-tubes.ts';
import { drawLesions, type PhantomLesion } from './lesions.ts';
import { type ContrastPhase, contrastPhases, drawAnatomy } from './patient-anatomy.ts';
import type { LesionFacts, PhantomFacts } from './phantom-facts.ts';
import { createSlicePainter } from './slice-painter.ts';

export type PhantomPreset = 'full' | 'demo';

const presets = {
  full: { columns: 512 },
  demo: { columns: 256, pixelMm: 1.5, sliceMm: 5, coverage: 'liver' },
} as const satisfies Record<PhantomPreset, Partial<PhantomOptions>>;

/** Which phantom; what is left out is drawn from the seed, as it differs between patients and scanners. */
export interface PhantomOptions {
  readonly seed: number;
  /** 1, 2, 3 …: patients of one seed differ from each other. */
  readonly patient: number;
  /**
   * `full` (default): 512 x 512, everything else as drawn. `demo`: 256 x 256 at 1.5 mm, 5 mm slices, the liver
   * only; small enough to train on in a minute. Each of the following fields overrides it.
   */
  readonly preset?: PhantomPreset;
  /** Default 512. */
  readonly columns?: number;
  /** Default `columns`. */
  readonly rows?: number;
  /** Default: as many as cover `coverage`. */
  readonly slices?: number;
  /** Default: a field of view with a little air round the body, hence 0.6 to 0.9 mm at 512 columns. */
  readonly pixelMm?: number;
  /** Slice distance and thickness; default one of 1 to 5 mm. */
  readonly sliceMm?: number;
  /** `abdomen` (default): lung bases to pelvis. `liver`: the liver with 15 mm above and below. */
  readonly coverage?: 'abdomen' | 'liver';
  /** Fewest and most lesions, default 1 to 8. */
  readonly lesions?: readonly [number, number];
  /** Default 5 to 60. */
  readonly lesionDiameterMm?: readonly [number, number];
  /**
   * HU below the liver, default 15 to 60: drawn evenly, but no fainter, within this range, than a reader can see a lesion of that
   * size in that noise (see `visibleContrastHu`).
   */
  readonly lesionContrastHu?: readonly [number, number];
  /** When the scan was taken after the contrast agent; default: drawn, mostly portal-venous as for the liver. */
  readonly phase?: ContrastPhase;
  /** Default: drawn from 10 to 25. 0 gives a phantom without noise. */
  readonly noiseSdHu?: number;
  /** Directions of the grid's axes in LPS, default the identity (axial, feet to head). */
  readonly direction?: Mat3;
  /**
   * Gantry tilt: slices leaned about the patient's x axis by this angle, while the table moves along z. The stack
   * is then sheared: see `Phantom.sliceStepMm`. Not together with `direction`. Default 0, at most 40.
   */
  readonly tiltDegrees?: number;
}

/** A phantom: scan, truth on the same grid, and what is known about it. */
export interface Phantom {
  /**
   * Only for a tilted gantry: the step from slice to slice in LPS mm, for `writeCtSeries`. Origin, in-plane
   * spacing and in-plane directions of the geometry then hold for the first slice, and the third axis is the
   * slices' normal, along which they are NOT stacked: such a volume is a series to be written, not a grid.
   */
  readonly sliceStepMm?: Vec3;
  readonly volume: Volume;
  /** 0 background, 1 liver, 2 lesion. */
  readonly labelmap: Labelmap;
  readonly facts: PhantomFacts;
}

const sliceDistances = [1, 1.25, 1.5, 2, 2.5, 3, 5];

function assertOptions(o: PhantomOptions): void {
  const check = (ok: boolean, where: string, found: unknown, expected: string): void => {
    if (!ok) {
      throw new ImagingError('value-invalid', 'This phantom cannot be made.', {
        where,
        found: String(found),
        expected,
      });
    }
  };
  const range = (name: string, pair: readonly [number, number] | undefined, low: number, high: number) =>
    check(
      pair === undefined || (low <= pair[0] && pair[0] <= pair[1] && pair[1] <= high),
      name,
      pair?.join(' to '),
      `two numbers, the smaller first, within ${low} to ${high}`,
    );
  const whole = (name: string, value: number | undefined, low: number, high: number) =>
    check(
      value === undefined || (Number.isInteger(value) && value >= low && value <= high),
      name,
      value,
      `a whole number, ${low} to ${high}`,
    );
  check(
    o.preset === undefined || Object.hasOwn(presets, o.preset),
    'preset',
    o.preset,
    Object.keys(presets).join(' or '),
  );
  check(
    o.phase === undefined || contrastPhases.includes(o.phase),
    'phase',
    o.phase,
    contrastPhases.join(', '),
  );
  check(
    o.direction === undefined || determinant(o.direction) > 0,
    'direction',
    o.direction?.join(', '),
    'a right-handed set of axes, as slices of a DICOM series have',
  );
  check(
    o.tiltDegrees === undefined || (Math.abs(o.tiltDegrees) <= 40 && o.direction === undefined),
    'tiltDegrees',
    o.tiltDegrees,
    '-40 to 40, without a direction',
  );
  whole('seed', o.seed, 0, Number.MAX_SAFE_INTEGER);
  whole('patient', o.patient, 1, 1e6);
  whole('columns', o.columns, 16, 2048);
  whole('rows', o.rows, 16, 2048);
  whole('slices', o.slices, 1, 4000);
  for (const [name, value] of [
    ['pixelMm', o.pixelMm],
    ['sliceMm', o.sliceMm],
  ] as const) {
    check(value === undefined || (value >= 0.2 && value <= 20), name, value, '0.2 to 20 mm');
  }
  range('lesions', o.lesions, 0, 30);
  range('lesionDiameterMm', o.lesionDiameterMm, 2, 90);
  range('lesionContrastHu', o.lesionContrastHu, 5, 100);
  check(
    o.noiseSdHu === undefined || (o.noiseSdHu >= 0 && o.noiseSdHu <= 200),
    'noiseSdHu',
    o.noiseSdHu,
    '0 to 200',
  );
}

/** Without the fields that are undefined, which would hide a preset's. */
function definedOnly(options: PhantomOptions): PhantomOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as PhantomOptions;
}

/** Directions of slices leaned about x: exact for 0. */
function tiltedDirection(degrees: number): Mat3 {
  const angle = (degrees * Math.PI) / 180;
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  return [1, 0, 0, 0, c, -s, 0, s, c];
}

/** Box around the liver in patient mm, found on a 10 mm grid, widened by it. */
function liverBounds(field: BodyField): { low: Vec3; high: Vec3 } {
  const low: [number, number, number] = [1e9, 1e9, 1e9];
  const high: [number, number, number] = [-1e9, -1e9, -1e9];
  const step = 10;
  for (let z = -160; z <= 140; z += step) {
    for (let y = -150; y <= 110; y += step) {
      for (let x = -180; x <= 140; x += step) {
        if (field.liver(x, y, z) > 2) continue;
        const p = [x, y, z];
        for (let a = 0; a < 3; a++) {
          low[a] = Math.min(low[a]!, p[a]! - step);
          high[a] = Math.max(high[a]!, p[a]! + step);
        }
      }
    }
  }
  return { low, high };
}

/**
 * Makes one synthetic abdominal CT with its truth. Shapes are implicit functions deformed by smooth noise;
 * scan and truth come from the same functions, the truth without noise. Thick slices average up to three planes
 * (partial volume). The same options give the same bytes.
 * @returns the volume as Int16 HU (-1024 and up); truth is lesion where the lesion's share of a voxel is at
 * least one half, liver where the liver's is
 * @throws ImagingError `value-invalid` for options out of range; the signal's reason when cancelled
 */
export async function createPhantom(wishes: PhantomOptions, control: TaskControl = {}): Promise<Phantom> {
  assertOptions(wishes);
  const options: PhantomOptions = { ...presets[wishes.preset ?? 'full'], ...definedOnly(wishes) };
  const random = createRandom(options.seed, 'phantom', options.patient);
  const anatomy = drawAnatomy(random.derive('anatomy'), options.phase);
  const field = createBodyField(anatomy, random.derive('field'));
  const scanner = random.derive('scanner');
  const noiseSd = options.noiseSdHu ?? Math.round(scanner.between(10, 25) * 10) / 10;
  const margin = scanner.between(14, 40);
  const bodyWidth = 2 * field.extent.halfWidth;
  const drawnSlice = sliceDistances[scanner.integer(sliceDistances.length)]!;
  const sliceMm = options.sliceMm ?? drawnSlice;
  const columns = options.columns ?? 512;
  const rows = options.rows ?? columns;
  const wishedFov = Math.min(Math.max(bodyWidth + margin, 310), 460);
  const pixelMm = options.pixelMm ?? Math.round((wishedFov / columns) * 1e4) / 1e4;
  const sharpness = scanner.between(0.5, 0.75);
  const offset: Vec3 = [
    Math.round(scanner.between(-8, 8) * 10) / 10,
    Math.round(scanner.between(-170, -130) * 10) / 10,
    Math.round(scanner.between(-1400, 200)),
  ];

  const bounds = liverBounds(field);
  const outlineValues = new Float64Array(fieldOrgans.length);
  const outline = (x: number, y: number, z: number) => {
    field.evaluate(x, y, z, outlineValues);
    return {
      cavity: outlineValues[organIndex.cavity]!,
      lung: outlineValues[organIndex.lung]!,
      liver: outlineValues[organIndex.liver]!,
    };
  };
  const tubes = drawInnerTubes(anatomy, field, outline, random.derive('tubes'));
  const lesions = drawLesions(
    {
      count: options.lesions ?? [1, 8],
      diameterMm: options.lesionDiameterMm ?? [5, 60],
      contrastHu: options.lesionContrastHu ?? [15, 60],
      noiseSdHu: noiseSd,
    },
    field.liver,
    bounds,
    anatomy.tissue.liver,
    random.derive('lesions'),
  );

  const liverOnly = options.coverage === 'liver';
  const low = liverOnly ? bounds.low[2] - 10 : bounds.low[2] - scanner.between(70, 170);
  const high = liverOnly ? bounds.high[2] + 10 : bounds.high[2] + scanner.between(25, 70);
  const slices = options.slices ?? Math.max(1, Math.round((high - low) / sliceMm));
  const tilt = options.tiltDegrees ?? 0;
  const direction = options.direction ?? (tilt === 0 ? identityDirection : tiltedDirection(tilt));
  const right: Vec3 = [direction[0], direction[3], direction[6]];
  const down: Vec3 = [direction[1], direction[4], direction[7]];
  const normal: Vec3 = [direction[2], direction[5], direction[8]];
  const middleZ =
    liverOnly || options.slices !== undefined ? (bounds.low[2] + bounds.high[2]) / 2 : (low + high) / 2;
  const middle: Vec3 = [0, (field.extent.anterior + field.extent.posterior) / 2 + 12, middleZ];
  const step: Vec3 = tilt === 0 ? scaled(normal, sliceMm) : [0, 0, sliceMm / normal[2]];
  const stepU = dot(step, right);
  const stepV = dot(step, down);
  const origin = [0, 1, 2].map(
    (a) =>
      middle[a]! -
      (right[a]! * (columns - 1) * pixelMm + down[a]! * (rows - 1) * pixelMm + step[a]! * (slices - 1)) / 2,
  ) as unknown as Vec3;
  const geometry: Geometry = {
    size: [columns, rows, slices],
    spacing: [pixelMm, pixelMm, sliceMm],
    origin: [0, 1, 2].map((a) => Math.round((origin[a]! + offset[a]!) * 1e4) / 1e4) as unknown as Vec3,
    direction,
  };
  assertGeometry(geometry, 'direction');
  control.signal?.throwIfAborted();
  const painter = createSlicePainter(
    { columns, rows, pixelMm, origin, right, down, normal },
    anatomy,
    field,
    tubes,
    lesions,
    random.derive('painter'),
  );
  const noise = createCtNoise(random.derive('noise'), columns, rows, pixelMm, sharpness);
  const gain = noiseGain(noiseSd, columns, rows, (i, j) => {
    const a = (i - (columns - 1) / 2) * pixelMm;
    const b = (j - (rows - 1) / 2) * pixelMm;
    const x = (middle[0] + a * right[0] + b * down[0]) / field.extent.halfWidth;
    const depth = (field.extent.posterior - field.extent.anterior) / 2;
    const centre = (field.extent.posterior + field.extent.anterior) / 2;
    const y = (middle[1] + a * right[1] + b * down[1] - centre) / depth;
    return x * x + y * y;
  });
  const noisePlane = new Float32Array(columns * rows);
  const pixelCount = columns * rows;
  const voxels = new Int16Array(pixelCount * slices);
  const truth = new Uint8Array(pixelCount * slices);
  for (let k = 0; k < slices; k++) {
    const painted = painter.paint(k * sliceMm, k * stepU, k * stepV, sliceMm);
    if (noiseSd > 0) noise.fill(noisePlane);
    const from = k * pixelCount;
    for (let i = 0; i < pixelCount; i++) {
      const hu = Math.round(painted.hu[i]! + gain[i]! * noisePlane[i]!);
      voxels[from + i] = hu < -1024 ? -1024 : Math.min(hu, 3071);
      truth[from + i] = painted.lesion[i]! >= 0.5 ? 2 : painted.liver[i]! >= 0.5 ? 1 : 0;
    }
    control.onProgress?.({ stage: `phantom ${options.patient}`, done: k + 1, total: slices, unit: 'slices' });
    if ((k & 7) === 7) {
      // Let signals and progress through.
      await new Promise((resolve) => setImmediate(resolve));
      control.signal?.throwIfAborted();
    }
  }

  const voxelMl = (pixelMm * pixelMm * sliceMm) / 1000;
  let liverVoxels = 0;
  for (let i = 0; i < truth.length; i++) if (truth[i] !== 0) liverVoxels++;
  return {
    volume: createVolume(geometry, voxels),
    labelmap: createLabelmap(geometry, truth, liverLabels),
    ...(tilt === 0 ? {} : { sliceStepMm: step }),
    facts: {
      seed: options.seed,
      patient: options.patient,
      phase: anatomy.phase,
      geometry,
      noiseSdHu: noiseSd,
      liverHu: anatomy.tissue.liver,
      liverVolumeMl: round(liverVoxels * voxelMl, 3),
      lesions: describeLesions(lesions, truth, geometry, origin, offset, [stepU, stepV], voxelMl),
    },
  };
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function scaled(a: Vec3, by: number): Vec3 {
  return [a[0] * by, a[1] * by, a[2] * by];
}

/**
 * Noise sd of each pixel: most in the middle of the body, where X-rays lose most, less towards the skin, least in
 * air; the stated sd in between, where the liver lies.
 * @param radius2 squared distance of a pixel from the body's axis, the skin at 1
 */
function noiseGain(
  sd: number,
  columns: number,
  rows: number,
  radius2: (i: number, j: number) => number,
): Float32Array {
  const gain = new Float32Array(columns * rows);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const r2 = radius2(i, j);
      gain[j * columns + i] = sd * (r2 < 1 ? 1.07 - 0.3 * r2 : Math.max(0.45, 0.77 - 0.5 * (r2 - 1)));
    }
  }
  return gain;
}

function round(value: number, digits: number): number {
  const scale = digits === 3 ? 1000 : 100;
  return Math.round(value * scale) / scale;
}

/** Counts each lesion's voxels: lesions lie apart, so a voxel belongs to the one whose reach it is in. */
function describeLesions(
  lesions: readonly PhantomLesion[],
  truth: Uint8Array,
  geometry: Geometry,
  origin: Vec3,
  offset: Vec3,
  shear: readonly [number, number],
  voxelMl: number,
): LesionFacts[] {
  const { size, spacing } = geometry;
  const [right, down, normal] = [axisVector(geometry, 0), axisVector(geometry, 1), axisVector(geometry, 2)];
  return lesions.map((lesion, index) => {
    const p: Vec3 = [
      lesion.centre[0] - origin[0],
      lesion.centre[1] - origin[1],
      lesion.centre[2] - origin[2],
    ];
    const reach = lesion.shape.reach + 2;
    const w = dot(p, normal);
    let voxels = 0;
    for (let k = 0; k < size[2]; k++) {
      const z = Math.max(0, Math.abs(k * spacing[2] - w) - spacing[2] / 2);
      if (z > reach) continue;
      const u = dot(p, right) - k * shear[0];
      const v = dot(p, down) - k * shear[1];
      for (let j = 0; j < size[1]; j++) {
        const y = j * spacing[1] - v;
        if (Math.abs(y) > reach) continue;
        const line = size[0] * (j + size[1] * k);
        const from = Math.max(0, Math.ceil((u - reach) / spacing[0]));
        const to = Math.min(size[0] - 1, Math.floor((u + reach) / spacing[0]));
        for (let i = from; i <= to; i++) {
          const x = i * spacing[0] - u;
          if (truth[line + i] === 2 && x * x + y * y + z * z <= reach * reach) voxels++;
        }
      }
    }
    return {
      id: index + 1,
      centreMm: [0, 1, 2].map((a) => round(lesion.centre[a]! + offset[a]!, 2)) as unknown as Vec3,
      diameterMm: round(lesion.diameterMm, 2),
      contrastHu: round(lesion.contrastHu, 2),
      borderMm: round(lesion.borderMm, 2),
      rim: lesion.rimHu !== 0,
      necrosis: lesion.necrosisHu !== 0,
      wholeInLiver: lesion.wholeInLiver,
      voxels,
      volumeMl: round(voxels * voxelMl, 3),
    };
  });
}
