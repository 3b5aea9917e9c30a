import type { Vec3 } from '../geometry/geometry.ts';
import type { SeededRandom } from '../random/seeded-random.ts';
import { type BodyField, type FieldOrgan, fieldOrgans, organIndex } from './body-field.ts';
import type { InnerTubes } from './inner-tubes.ts';
import { createSmoothNoise } from './lattice-noise.ts';
import { lesionRadius, type PhantomLesion } from './lesions.ts';
import { createLayerGrid, paintNodes, paintPixels } from './paint-layers.ts';
import type { PatientAnatomy } from './patient-anatomy.ts';
import { type NodePlane, packTubes, rasteriseTubes, type TubePiece, type TubeSet } from './tubes.ts';

/** The plane of pixels of a scan: axes as unit vectors, position of pixel (0, 0) of the plane at w = 0. */
export interface ScanFrame {
  readonly columns: number;
  readonly rows: number;
  readonly pixelMm: number;
  /** Patient mm of pixel (0, 0) of the first slice. */
  readonly origin: Vec3;
  readonly right: Vec3;
  readonly down: Vec3;
  readonly normal: Vec3;
}

/** One noise-free slice: HU, and how much of each pixel is liver (lesions included) and lesion. */
export interface PaintedSlice {
  readonly hu: Float32Array;
  readonly liver: Float32Array;
  readonly lesion: Float32Array;
}

export interface SlicePainter {
  /**
   * Paints the slab of `thickness` mm around height `w` (mm along the normal), shifted by (u, v) mm in its own
   * plane. The result's arrays are reused by the next call.
   */
  paint(w: number, u: number, v: number, thickness: number): PaintedSlice;
}

const far = 99;

/** Distance between planes at which organ distances are evaluated. */
const levelMm = 3.5;

/** Prepares one patient for painting on a frame. */
export function createSlicePainter(
  frame: ScanFrame,
  anatomy: PatientAnatomy,
  field: BodyField,
  tubes: InnerTubes,
  lesions: readonly PhantomLesion[],
  random: SeededRandom,
): SlicePainter {
  const { columns, rows, pixelMm, origin, right, down, normal } = frame;
  const { tissue } = anatomy;
  const grid = createLayerGrid(columns, rows, Math.max(2, Math.round(3.4 / pixelMm)));
  const nodeCount = grid.nodeColumns * grid.nodeRows;
  const pixelCount = columns * rows;
  const edge = Math.max(1, 1.15 * pixelMm);
  const texture = createSmoothNoise(random.derive('texture'));
  const stool = createSmoothNoise(random.derive('stool'));

  const toGrid = (p: Vec3): Vec3 => {
    const x = p[0] - origin[0];
    const y = p[1] - origin[1];
    const z = p[2] - origin[2];
    return [
      x * right[0] + y * right[1] + z * right[2],
      x * down[0] + y * down[1] + z * down[2],
      x * normal[0] + y * normal[1] + z * normal[2],
    ];
  };
  const pack = (pieces: readonly TubePiece[]): TubeSet => packTubes(pieces, toGrid);
  const packed = {
    ribs: pack(tubes.ribs),
    cartilage: pack(tubes.cartilage),
    processes: pack(tubes.processes),
    aorta: pack(tubes.aorta),
    cava: pack(tubes.cava),
    smallArteries: pack(tubes.smallArteries),
    portalTrunk: pack(tubes.portalTrunk),
    oesophagus: pack(tubes.oesophagus),
    pancreas: pack(tubes.pancreas),
    smallBowel: pack(tubes.smallBowel),
    colon: pack(tubes.colon),
    mesentery: pack(tubes.mesentery),
    liverVessels: pack(tubes.liverVessels),
    lungVessels: pack(tubes.lungVessels),
  };
  const lesionCentres = lesions.map((lesion) => toGrid(lesion.centre));

  const organs = fieldOrgans.map(() => new Float32Array(nodeCount));
  const nodes = (name: FieldOrgan): Float32Array => organs[organIndex[name]]!;
  const scratch = new Float32Array(nodeCount);
  const scratchInner = new Float32Array(nodeCount);
  const nodeGrain = new Float32Array(nodeCount);
  const nodeStool = new Float32Array(nodeCount);
  const grain = new Float32Array(pixelCount);
  const plane = new Float32Array(pixelCount);
  const liverPlane = new Float32Array(pixelCount);
  const lungPlane = new Float32Array(pixelCount);
  const lesionPlane = new Float32Array(pixelCount);
  const pixelDistance = new Float32Array(pixelCount).fill(far);
  const hu = new Float32Array(pixelCount);
  const liver = new Float32Array(pixelCount);
  const lesion = new Float32Array(pixelCount);
  const values = new Float64Array(fieldOrgans.length);

  const evaluateInto = (target: readonly Float32Array[], w: number, u: number, v: number): void => {
    const step = grid.stride * pixelMm;
    for (let b = 0, n = 0; b < grid.nodeRows; b++) {
      for (let a = 0; a < grid.nodeColumns; a++, n++) {
        const p = u + a * step;
        const q = v + b * step;
        field.evaluate(
          origin[0] + p * right[0] + q * down[0] + w * normal[0],
          origin[1] + p * right[1] + q * down[1] + w * normal[1],
          origin[2] + p * right[2] + q * down[2] + w * normal[2],
          values,
        );
        for (let o = 0; o < target.length; o++) target[o]![n] = values[o]!;
      }
    }
  };
  // Distances change slowly along the normal, as they do in the plane: they are evaluated every few mm and
  // interpolated between. A plane is kept as long as slices need it.
  let lower = { level: Number.NaN, distances: fieldOrgans.map(() => new Float32Array(nodeCount)) };
  let upper = { level: Number.NaN, distances: fieldOrgans.map(() => new Float32Array(nodeCount)) };
  const fill = (plane: typeof lower, level: number): void => {
    if (plane.level === level) return;
    evaluateInto(plane.distances, level * levelMm, 0, 0);
    plane.level = level;
  };
  const distancesAt = (w: number, u: number, v: number): void => {
    if (u !== 0 || v !== 0) {
      evaluateInto(organs, w, u, v);
      return;
    }
    const level = Math.floor(w / levelMm);
    if (lower.level === level + 1 || upper.level === level) [lower, upper] = [upper, lower];
    fill(lower, level);
    fill(upper, level + 1);
    const t = w / levelMm - level;
    for (let o = 0; o < organs.length; o++) {
      const below = lower.distances[o]!;
      const above = upper.distances[o]!;
      const out = organs[o]!;
      for (let n = 0; n < nodeCount; n++) out[n] = below[n]! + t * (above[n]! - below[n]!);
    }
  };

  const tableTop = field.extent.posterior - 2;
  const background = (w: number, u: number, v: number): void => {
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        const a = u + i * pixelMm;
        const b = v + j * pixelMm;
        const y = origin[1] + a * right[1] + b * down[1] + w * normal[1];
        const at = j * columns + i;
        plane[at] = -1000;
        if (y < tableTop - 70) continue;
        const x = origin[0] + a * right[0] + b * down[0] + w * normal[0];
        const top = tableTop + 14 - (x * x) / 900;
        const bottom = tableTop + 52 - (x * x) / 2600;
        const d = Math.max(top - y, y - bottom, Math.abs(x) - 215);
        if (d < edge) {
          // A shell of carbon fibre, 1.6 mm, round foam.
          const outer = Math.min(1, Math.max(0, 0.5 - d / edge));
          const inner = Math.min(1, Math.max(0, 0.5 - (d + 1.6) / edge));
          plane[at] = -1000 + outer * 900 - inner * 855;
        } else {
          const mattress = Math.max(top - 13 - y, y - top + 1, Math.abs(x) - 205);
          const cover = Math.min(1, Math.max(0, 0.5 - mattress / edge));
          plane[at] = -1000 + cover * 55;
        }
      }
    }
  };

  const paintField = (
    name: FieldOrgan,
    value: number,
    grainAmount: number,
    share?: Float32Array,
    width = edge,
    hiddenBy?: Float32Array,
  ): void => paintNodes(grid, nodes(name), width, value, grain, grainAmount, plane, share, hiddenBy);

  const paintTubes = (
    set: TubeSet,
    pixels: NodePlane,
    w: number,
    value: number,
    within?: Float32Array,
    coreValue = value,
    coreDepth = 0,
  ): void => {
    const range = rasteriseTubes(set, pixels, w, edge, pixelDistance);
    if (range.i1 < range.i0) return;
    paintPixels(columns, range, pixelDistance, edge, value, plane, far, within, coreValue, coreDepth);
  };

  /** Coarse distance to thick tubes, kept inside the cavity. Returns false when none is near. */
  const thickTubes = (set: TubeSet, coarse: NodePlane, w: number, clip: boolean): boolean => {
    scratch.fill(far);
    const range = rasteriseTubes(set, coarse, w, 12, scratch);
    if (range.i1 < range.i0) return false;
    if (clip) {
      const cavity = nodes('cavity');
      for (let n = 0; n < nodeCount; n++) {
        const limit = cavity[n]! + 2.5;
        if (limit > scratch[n]!) scratch[n] = limit;
      }
    }
    return true;
  };
  const paintThick = (value: number, grainAmount: number, hiddenBy?: Float32Array): void =>
    paintNodes(grid, scratch, edge, value, grain, grainAmount, plane, undefined, hiddenBy);

  const paintBowel = (coarse: NodePlane, w: number, nodeY: (n: number) => number): void => {
    if (thickTubes(packed.smallBowel, coarse, w, true)) {
      paintThick(tissue.bowelWall, 8);
      for (let n = 0; n < nodeCount; n++) scratchInner[n] = scratch[n]! + 2.8;
      paintNodes(grid, scratchInner, edge, tissue.bowelContent, grain, 14, plane);
      for (let n = 0; n < nodeCount; n++) {
        const level = nodeY(n) + 52 + 60 * nodeStool[n]!;
        scratchInner[n] = Math.max(scratch[n]! + 3.2, level);
      }
      paintNodes(grid, scratchInner, edge, -960, grain, 10, plane);
    }
    if (thickTubes(packed.colon, coarse, w, true)) {
      paintThick(tissue.bowelWall - 15, 8);
      for (let n = 0; n < nodeCount; n++) scratchInner[n] = scratch[n]! + 2.2;
      paintNodes(grid, scratchInner, edge, tissue.bowelContent + 15, grain, 26, plane);
      for (let n = 0; n < nodeCount; n++) {
        // Gas lies in front; further back, bubbles in stool.
        const level = nodeY(n) + 48;
        const bubbles = 6 * (0.28 - nodeStool[n]!);
        scratchInner[n] = Math.max(scratch[n]! + 2.6, Math.min(level, bubbles));
      }
      paintNodes(grid, scratchInner, edge, -930, grain, 25, plane);
    }
  };

  const paintLesions = (w: number, u: number, v: number): void => {
    lesions.forEach((item, index) => {
      const centre = lesionCentres[index]!;
      const reach = item.shape.reach + item.borderMm;
      const dw = w - centre[2];
      if (dw > reach || dw < -reach) return;
      const i0 = Math.max(0, Math.ceil((centre[0] - u - reach) / pixelMm));
      const i1 = Math.min(columns - 1, Math.floor((centre[0] - u + reach) / pixelMm));
      const j0 = Math.max(0, Math.ceil((centre[1] - v - reach) / pixelMm));
      const j1 = Math.min(rows - 1, Math.floor((centre[1] - v + reach) / pixelMm));
      const base = tissue.liver - item.contrastHu;
      const rimAt = -1.6 - item.borderMm / 2;
      for (let j = j0; j <= j1; j++) {
        const dv = v + j * pixelMm - centre[1];
        for (let i = i0; i <= i1; i++) {
          const at = j * columns + i;
          const within = liverPlane[at]!;
          if (within <= 0) continue;
          const du = u + i * pixelMm - centre[0];
          const distance = Math.sqrt(du * du + dv * dv + dw * dw);
          if (distance > reach) continue;
          // The shape is defined in patient axes.
          const x = du * right[0] + dv * down[0] + dw * normal[0];
          const y = du * right[1] + dv * down[1] + dw * normal[1];
          const z = du * right[2] + dv * down[2] + dw * normal[2];
          const scale = distance > 1e-6 ? 1 / distance : 0;
          const radius = lesionRadius(item.shape, x * scale, y * scale, z * scale);
          const d = distance - radius;
          const t = 0.5 - d / (2 * item.borderMm);
          if (t <= 0) continue;
          const share = t >= 1 ? 1 : t * t * (3 - 2 * t);
          let value = base + 3 * grain[at]!;
          if (item.rimHu !== 0) {
            const rim = 1 - Math.abs(d - rimAt) / 2.4;
            if (rim > 0) value += item.rimHu * rim;
          }
          if (item.necrosisHu !== 0) {
            const inner = 1 - distance / (radius * 0.65);
            if (inner > 0) value -= item.necrosisHu * Math.min(1, inner * 3);
          }
          plane[at]! += share * within * (value - plane[at]!);
          const covered = share * within;
          if (covered > lesionPlane[at]!) lesionPlane[at] = covered;
        }
      }
    });
  };

  /** Values of the smooth textures, once a slice. */
  const fillTextures = (w: number, u: number, v: number): void => {
    const step = grid.stride * pixelMm;
    for (let b = 0, n = 0; b < grid.nodeRows; b++) {
      for (let a = 0; a < grid.nodeColumns; a++, n++) {
        const p = u + a * step;
        const q = v + b * step;
        nodeGrain[n] = texture(p / 9, q / 9, w / 9) + 0.7 * texture(p / 23 + 9.1, q / 23 + 4.3, w / 23 + 2.2);
        nodeStool[n] = stool(p / 8, q / 8, w / 8);
      }
    }
    const { stride, nodeColumns, nodeRows } = grid;
    for (let j = 0; j < rows; j++) {
      const b = Math.min(Math.floor(j / stride), nodeRows - 2);
      const t = j / stride - b;
      for (let a = 0; a < nodeColumns - 1; a++) {
        const n = b * nodeColumns + a;
        const left = nodeGrain[n]! + t * (nodeGrain[n + nodeColumns]! - nodeGrain[n]!);
        const rightValue = nodeGrain[n + 1]! + t * (nodeGrain[n + nodeColumns + 1]! - nodeGrain[n + 1]!);
        const slope = (rightValue - left) / stride;
        const end = Math.min(a === nodeColumns - 2 ? columns : (a + 1) * stride, columns);
        for (let i = a * stride; i < end; i++) grain[j * columns + i] = left + slope * (i - a * stride);
      }
    }
  };

  const paintPlane = (w: number, u: number, v: number): void => {
    const step = grid.stride * pixelMm;
    const coarse: NodePlane = {
      u,
      v,
      columns: grid.nodeColumns,
      rows: grid.nodeRows,
      stepX: step,
      stepY: step,
    };
    const pixels: NodePlane = { u, v, columns, rows, stepX: pixelMm, stepY: pixelMm };
    distancesAt(w, u, v);
    const nodeY = (n: number): number => {
      const b = Math.floor(n / grid.nodeColumns);
      const a = n - b * grid.nodeColumns;
      return origin[1] + (u + a * step) * right[1] + (v + b * step) * down[1] + w * normal[1];
    };
    const t = tissue;
    background(w, u, v);
    const hull = nodes('hull');
    const cavity = nodes('cavity');
    const skin = nodes('body');
    for (let n = 0; n < nodeCount; n++) scratch[n] = skin[n]! + 2.2;
    paintField('body', -5, 4, undefined, edge, scratch);
    paintThick(t.fat, 9, cavity);
    paintField('hull', t.muscle, 9, undefined, edge, cavity);
    // Fat between the layers of the abdominal wall, broken as in life.
    for (let n = 0; n < nodeCount; n++) {
      const depth = Math.abs(0.5 * hull[n]! + 0.5 * cavity[n]! + (cavity[n]! - hull[n]!) * 0.12 - 0.5);
      scratch[n] = Math.max(depth - 0.1 - 0.9 * nodeStool[n]!, hull[n]! + 3, 3 - cavity[n]!);
    }
    paintThick(t.fat + 65, 30);
    paintField('cavity', t.fat + 4, 11);
    paintTubes(packed.mesentery, pixels, w, t.cava * 0.8, undefined);
    paintBowel(coarse, w, nodeY);
    const back = nodes('backMuscle');
    for (let n = 0; n < nodeCount; n++) scratch[n] = back[n]! - 1 - 0.9 * nodeStool[n]!;
    paintThick(t.fat + 55, 30);
    paintField('backMuscle', t.muscle, 12);
    paintField('psoas', t.muscle + 3, 7);
    paintField('pleura', 35, 5, undefined, edge, nodes('lung'));
    lungPlane.fill(0);
    paintField('lung', t.lung, 28, lungPlane);
    paintTubes(packed.lungVessels, pixels, w, t.heart * 0.8, lungPlane);
    paintField('heart', t.muscle + (anatomy.phase === 'native' ? -6 : 38), 6);
    paintField('heartChamber', t.heart, 5, undefined, 3);
    paintField('disc', 88, 9);
    paintField('vertebra', t.corticalBone * 0.75, 40);
    paintField('vertebraCore', t.spongyBone, 34, undefined, 2);
    paintTubes(packed.processes, pixels, w, t.corticalBone * 0.85, undefined, t.spongyBone + 90, 1.7);
    paintField('canal', 22, 4);
    const ilium = nodes('ilium');
    for (let n = 0; n < nodeCount; n++)
      scratch[n] = Math.max(ilium[n]! - 9 + 1.5 * nodeStool[n]!, hull[n]! + 3);
    paintThick(t.muscle, 9);
    paintField('ilium', t.corticalBone, 40);
    for (let n = 0; n < nodeCount; n++) scratch[n] = ilium[n]! + 2.2;
    paintThick(t.spongyBone, 40);
    paintTubes(packed.cartilage, pixels, w, 95);
    paintTubes(packed.ribs, pixels, w, t.corticalBone, undefined, t.spongyBone + 60, 1.6);
    if (thickTubes(packed.oesophagus, coarse, w, false)) {
      paintThick(48, 5);
    }
    if (thickTubes(packed.pancreas, coarse, w, false)) {
      // Lobulated: fat between the lobules.
      for (let n = 0; n < nodeCount; n++) scratch[n]! += 3.2 * nodeStool[n]!;
      paintThick(t.pancreas, 11);
    }
    paintField('kidney', t.kidneyCortex, 6);
    paintField('kidneyMedulla', t.kidneyMedulla, 8, undefined, 2.4);
    paintField('kidneySinus', t.fat + 20, 20, undefined, 2.4);
    paintTubes(packed.smallArteries, pixels, w, t.aorta * 0.96);
    paintTubes(packed.portalTrunk, pixels, w, t.liverVessel);
    if (thickTubes(packed.aorta, coarse, w, false)) paintThick(t.aorta, 3);
    if (thickTubes(packed.cava, coarse, w, false)) paintThick(t.cava, 5);
    paintField('bladder', 45, 5);
    const bladder = nodes('bladder');
    for (let n = 0; n < nodeCount; n++) scratch[n] = bladder[n]! + 3;
    paintThick(6, 3);
    paintField('stomach', t.bowelWall + 4, 6);
    paintField('stomachLumen', t.stomachContent, 14);
    paintField('stomachAir', -985, 6);
    paintField('spleen', t.spleen, anatomy.phase === 'arterial' ? 16 : 3.5);
    const gallbladder = nodes('gallbladder');
    for (let n = 0; n < nodeCount; n++) scratch[n] = gallbladder[n]! - 1.2;
    paintThick(t.liver * 0.75, 3);
    paintField('gallbladder', t.gallbladder, 2);
    liverPlane.fill(0);
    lesionPlane.fill(0);
    paintField('liver', t.liver, 3.5, liverPlane);
    paintTubes(packed.liverVessels, pixels, w, t.liverVessel, liverPlane);
    paintLesions(w, u, v);
  };

  return {
    paint: (w, u, v, thickness) => {
      const layers = Math.min(3, Math.max(1, Math.ceil(thickness / 1.8)));
      hu.fill(0);
      liver.fill(0);
      lesion.fill(0);
      fillTextures(w, u, v);
      const weight = 1 / layers;
      for (let layer = 0; layer < layers; layer++) {
        paintPlane(w + ((layer + 0.5) * weight - 0.5) * thickness, u, v);
        for (let i = 0; i < pixelCount; i++) {
          hu[i]! += weight * plane[i]!;
          liver[i]! += weight * liverPlane[i]!;
          lesion[i]! += weight * lesionPlane[i]!;
        }
      }
      return { hu, liver, lesion };
    },
  };
}
