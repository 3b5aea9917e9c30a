import type { Vec3 } from '../geometry/geometry.ts';
import type { SeededRandom } from '../random/seeded-random.ts';
import {
  type Ellipsoid,
  ellipsoidDistance,
  smoothIntersection,
  smoothUnion,
  trunkDistance,
} from './implicit-shapes.ts';
import { createSmoothNoise } from './lattice-noise.ts';
import type { PatientAnatomy } from './patient-anatomy.ts';

/** Organs whose surface is an implicit function, evaluated on a coarse node plane. */
export const fieldOrgans = [
  'body',
  'hull',
  'cavity',
  'backMuscle',
  'psoas',
  'pleura',
  'lung',
  'heart',
  'heartChamber',
  'stomach',
  'stomachLumen',
  'stomachAir',
  'spleen',
  'kidney',
  'kidneyMedulla',
  'kidneySinus',
  'vertebra',
  'vertebraCore',
  'disc',
  'canal',
  'ilium',
  'bladder',
  'gallbladder',
  'liver',
] as const;
export type FieldOrgan = (typeof fieldOrgans)[number];

/** Position of each organ in the output of `BodyField.evaluate`. */
export const organIndex = Object.fromEntries(fieldOrgans.map((name, i) => [name, i])) as Record<
  FieldOrgan,
  number
>;

const far = 99;

/** The body of one patient as functions of space (LPS mm relative to the patient's own origin). */
export interface BodyField {
  /** Writes the signed distance (mm, negative inside, first order) of every organ of `fieldOrgans`. */
  evaluate(x: number, y: number, z: number, out: Float64Array): void;
  /** Signed distance to the liver alone. */
  liver(x: number, y: number, z: number): number;
  /** Patient position of a template position: where something drawn in the template comes to lie. */
  place(template: Vec3): Vec3;
  /** Half width, anterior y and posterior y of the skin at z = 0 in patient mm, before deformation. */
  readonly extent: { readonly halfWidth: number; readonly anterior: number; readonly posterior: number };
}

/** y of the middle of the vertebral bodies at height z, template mm: the lumbar lordosis, gently. */
export function spineY(z: number): number {
  const d = z - 20;
  return 62 + 0.0003 * d * d - (z < -60 ? 0.1 * (-60 - z) : 0);
}

/** Builds the functions of one patient. */
export function createBodyField(anatomy: PatientAnatomy, random: SeededRandom): BodyField {
  const warpNoise = createSmoothNoise(random.derive('warp'));
  const surface = createSmoothNoise(random.derive('surface'));
  const [sx, sy, sz] = anatomy.scale;
  const meanScale = (sx + sy + sz) / 3;
  const [cavityWidth, cavityDepth, cavityY] = anatomy.cavity;
  const [fatSide, fatFront, fatBack] = anatomy.fat;
  const skinWidth = anatomy.hull[0] + fatSide;
  const skinFront = anatomy.hull[1] + fatFront;
  const skinBack = anatomy.hull[1] + fatBack;
  const skinDepth = (skinFront + skinBack) / 2;
  const skinY = (skinBack - skinFront) / 2;
  const outputs = new Float64Array(fieldOrgans.length);
  const warped = new Float64Array(3);

  const toTemplate = (px: number, py: number, pz: number): void => {
    const x = px / sx;
    const y = py / sy;
    const z = pz / sz;
    // The spine stays nearly straight: the deformation fades towards it.
    const spineX = x / 45;
    const spineY = (y - 62) / 45;
    const distance = spineX * spineX + spineY * spineY;
    const amount = anatomy.warp * (distance > 1 ? 1 : 0.25 + 0.75 * distance);
    const u = x / 85;
    const v = y / 85;
    const w = z / 110;
    warped[0] = x + amount * warpNoise(u, v, w);
    warped[1] = y + amount * warpNoise(u + 11.3, v + 5.1, w + 3.7);
    warped[2] = z + amount * warpNoise(u + 3.9, v + 17.7, w + 9.2);
  };

  const near = (e: Ellipsoid, x: number, y: number, z: number, margin: number): boolean => {
    const reach = Math.max(e.rx, e.ry) + margin;
    const dz = z - e.z;
    if (dz > e.rz + margin || dz < -e.rz - margin) return false;
    const dx = x - e.x - e.leanX * dz;
    const dy = y - e.y - e.leanY * dz;
    return dx < reach && dx > -reach && dy < reach && dy > -reach;
  };
  const shape = (e: Ellipsoid, x: number, y: number, z: number): number =>
    near(e, x, y, z, 16) ? ellipsoidDistance(e, x, y, z) : far;
  const bumps = (x: number, y: number, z: number, length: number, seed: number): number =>
    surface(x / length + seed, y / length + seed * 1.7, z / length + seed * 0.6);

  const dome = (x: number, y: number, z: number): number => {
    const right = anatomy.domeRight;
    const left = anatomy.domeLeft;
    // Below their equator the domes go on as cylinders: the abdomen.
    const zr = Math.max(z, right.z);
    const zl = Math.max(z, left.z);
    const a = ellipsoidDistance(right, x, y, zr);
    const b = ellipsoidDistance(left, x, y, zl);
    return smoothUnion(a, b, 22) + 2.5 * bumps(x, y, z, 50, 7);
  };

  const kidneyDistance = (x: number, y: number, z: number): number => {
    const d = Math.min(shape(anatomy.kidneyRight, x, y, z), shape(anatomy.kidneyLeft, x, y, z));
    return d < 30 ? d + 1.8 * bumps(x, y, z, 22, 2) : d;
  };

  const gallbladderDistance = (x: number, y: number, z: number): number => {
    const d = shape(anatomy.gallbladder, x, y, z);
    return d < 30 ? d + 1.5 * bumps(x, y, z, 25, 3) : d;
  };

  const liverDistance = (
    x: number,
    y: number,
    z: number,
    cavity: number,
    domes: number,
    kidney: number,
  ): number => {
    if (cavity > 12 || domes > 14) return far;
    let d = shape(anatomy.liverRight, x, y, z);
    d = smoothUnion(d, shape(anatomy.liverLeft, x, y, z), 20);
    d = smoothUnion(d, shape(anatomy.liverCaudate, x, y, z), 14);
    if (d > 20) return d;
    d += 6.5 * bumps(x, y, z, 48, 1) + 2 * bumps(x, y, z, 20, 5);
    // The hilum with the fissure of the ligamentum venosum: a wedge of fat from below and behind.
    const fx = (x + 22 + 0.25 * (y + 12)) / 11;
    const fy = (y + 12) / 28;
    const fz = (z + 16) / 24;
    const f = Math.sqrt(fx * fx + fy * fy + fz * fz) + 0.35 * bumps(x, y, z, 14, 11);
    d = smoothIntersection(d, (1 - f) * 11, 8);
    // The falciform fissure in front.
    const tx = (x + 2 + 0.15 * (y + 60)) / 4.5;
    const ty = (y + 84) / 34;
    const tz = (z - 6) / 30;
    const t = Math.sqrt(tx * tx + ty * ty + tz * tz);
    d = smoothIntersection(d, (1 - t) * 4.5, 4);
    d = smoothIntersection(d, 4 - kidney, 8);
    d = smoothIntersection(d, 2.2 - gallbladderDistance(x, y, z), 5);
    // Inferior vena cava and the crura beside the spine.
    const vx = (x + 22) / 14;
    const vy = (y - 36) / 12;
    d = smoothIntersection(d, (1 - Math.sqrt(vx * vx + vy * vy)) * 12, 4);
    const cx = (x - 4) / 34;
    const cy = (y - spineY(z)) / 36;
    d = smoothIntersection(d, (1 - Math.sqrt(cx * cx + cy * cy)) * 34, 6);
    d = smoothIntersection(d, cavity + 3, 6);
    return smoothIntersection(d, domes + 4, 6);
  };

  const cavityDistance = (x: number, y: number, z: number): number => {
    // The rib cage widens a little upwards, the waist is narrower, the pelvis wider again.
    const waist = 1 + (z > 0 ? 0.0004 * z : z > -120 ? 0.0004 * z : -0.048 - 0.0003 * (z + 120));
    const chest = z > 60 ? 0.0009 * (z - 60) : 0;
    return trunkDistance(
      x,
      y - cavityY,
      cavityWidth * (waist - chest * 0.8),
      cavityDepth * (waist - chest * 0.4),
    );
  };

  const evaluate = (px: number, py: number, pz: number, out: Float64Array): void => {
    toTemplate(px, py, pz);
    const x = warped[0]!;
    const y = warped[1]!;
    const z = warped[2]!;
    out.fill(far);
    const waist = 1 + (z > 0 ? 0.0002 * z : z > -110 ? 0.0003 * z : -0.033 - 0.0004 * (z + 110));
    const chest = z > 70 ? 0.0006 * (z - 70) : 0;
    const groove = y > 60 ? 9 / (1 + (x * x) / 160) : 0;
    const body =
      trunkDistance(x, y - skinY, skinWidth * (waist - chest), skinDepth * (waist - chest)) + groove;
    out[organIndex.body] = body;
    if (body > 12) return;
    const hullWaist = waist - chest * 0.9;
    const hull =
      trunkDistance(x, y, anatomy.hull[0] * hullWaist, anatomy.hull[1] * hullWaist) +
      groove * 0.5 +
      (y < 0 ? 5 / (1 + (x * x) / 30) : 0);
    const cavity = cavityDistance(x, y, z);
    const ys = spineY(z);
    out[organIndex.hull] = hull + 1.6 * bumps(x, y, z, 30, 4);

    // Spine: bodies with discs between, a canal behind them.
    const level = (z + anatomy.vertebraPhase) / anatomy.vertebraPitch;
    const along = (level - Math.floor(level) - 0.5) * anatomy.vertebraPitch;
    const vx = x / 24.5;
    const vy = (y - ys) / 17.5;
    const ring = (Math.sqrt(vx * vx + vy * vy) - 1) * 19;
    const flare = (along * along) / (anatomy.vertebraPitch * anatomy.vertebraPitch);
    const endplate = Math.abs(along) - anatomy.vertebraPitch * 0.39;
    const vertebra = Math.max(ring + 2.5 - 16 * flare, endplate);
    const qx = x / 1.25;
    const qy = y - ys - 25.5;
    const canal = Math.sqrt(qx * qx + qy * qy) - 8.5;
    out[organIndex.vertebra] = Math.max(vertebra, -canal - 1);
    out[organIndex.vertebraCore] = Math.max(ring + 4.8 - 16 * flare, endplate + 1.8);
    out[organIndex.disc] = Math.max(ring + 0.5, -endplate - 0.5);
    out[organIndex.canal] = canal;
    const side = x < 0 ? -x : x;
    const ex = (side - 31) / 27;
    const ey = (y - ys - 34) / 19;
    const muscle = (Math.sqrt(ex * ex + ey * ey) - 1) * 20;
    if (muscle < 12) {
      out[organIndex.backMuscle] = Math.max(muscle + 1.5 * bumps(x, y, z, 18, 6), 4 - canal);
    }
    if (z < 30) {
      const grow = z > -120 ? (30 - z) / 150 : 1;
      const bx = (side - 36 - 8 * grow) / (9 + 13 * grow);
      const by = (y - ys + 2 + 10 * (z < -150 ? (-150 - z) / 60 : 0)) / (9 + 15 * grow);
      out[organIndex.psoas] = (Math.sqrt(bx * bx + by * by) - 1) * (9 + 13 * grow);
    }
    if (z < -120) {
      // Iliac wings: thin curved plates from the sacrum forward and outward, narrower below.
      const narrow = z < -150 ? 1 + 0.0022 * (z + 150) : 1;
      const cx = (side - 24) / (99 * narrow);
      const cy = (y + 26) / (95 * narrow);
      const bowl = (Math.sqrt(cx * cx + cy * cy) - 1) * 96 * narrow;
      const crest = z + 138 + 0.004 * (y - 10) * (y - 10);
      const wing = Math.max(Math.abs(bowl) - 4.5 - 2.5 * bumps(x, y, z, 25, 8), crest, 30 - side, -y - 32);
      const ax = x / 50;
      const ay = (y - spineY(z) - 6) / 20;
      const az = (z + 215) / 55;
      const sacrum = (Math.sqrt(ax * ax + ay * ay + az * az) - 1) * 20 + 2 * bumps(x, y, z, 18, 8);
      const qz = y - spineY(z) - 25.5;
      out[organIndex.ilium] = Math.max(Math.min(wing, sacrum), 9 - Math.sqrt((x * x) / 1.5 + qz * qz));
      out[organIndex.bladder] = shape(anatomy.bladder, x, y, z);
    }
    if (cavity > 10) {
      out[organIndex.cavity] = cavity;
      return;
    }
    const domes = z < -60 ? Math.min(cavity, -20) : dome(x, y, z);
    const mx = (x - 3) / 33;
    const my = (y - 42) / 50;
    const mediastinum = (Math.sqrt(mx * mx + my * my) - 1) * 33;
    out[organIndex.cavity] = cavity;
    const heart = shape(anatomy.heart, x, y, z);
    if (z > -70) {
      const besideX = x / 42;
      const besideY = (y - ys - 16) / 34;
      const besideSpine = (1 - Math.sqrt(besideX * besideX + besideY * besideY)) * 34;
      const above = Math.max(cavity + 1.5, -domes, -mediastinum, besideSpine, 5 - heart, 10 - 0.42 * y - z);
      if (above < 12) {
        const recess = 14 - 0.42 * y - z + 4 * bumps(x, y, z, 40, 9);
        const lung = Math.max(above, recess);
        out[organIndex.lung] = lung;
        out[organIndex.pleura] = lung - 2.6;
      }
      if (heart < 20) {
        out[organIndex.heart] = Math.max(heart + 1.5 * bumps(x, y, z, 30, 2.5), 2.5 - domes, cavity + 2);
        out[organIndex.heartChamber] = Math.max(
          Math.abs(heart + 26) - 14 + 5 * bumps(x, y, z, 28, 3.5),
          8 - domes,
        );
      }
    }
    const kidney = kidneyDistance(x, y, z);
    out[organIndex.kidney] = kidney;
    if (kidney < 20) {
      const sinusX = (side - 45) / 15;
      const right = x < 0 ? anatomy.kidneyRight : anatomy.kidneyLeft;
      const sinusY = (y - right.y - right.leanY * (z - right.z) + 6) / 11;
      const sinusZ = (z - right.z) / 30;
      const sinus = (Math.sqrt(sinusX * sinusX + sinusY * sinusY + sinusZ * sinusZ) - 1) * 11;
      out[organIndex.kidneySinus] = sinus + 2.5 * bumps(x, y, z, 12, 4.5);
      out[organIndex.kidneyMedulla] = Math.max(kidney + 7 + 4.5 * bumps(x, y, z, 9, 5.5), 2 - sinus);
    }
    const gallbladder = gallbladderDistance(x, y, z);
    out[organIndex.gallbladder] = Math.max(gallbladder, cavity + 4);
    const liver = liverDistance(x, y, z, cavity, domes, kidney);
    out[organIndex.liver] = liver;

    if (z > -75 && x > -50) {
      let stomach: number = far;
      const line = anatomy.stomach;
      for (let i = 0; i + 1 < line.length; i++) {
        const a = line[i]!;
        const b = line[i + 1]!;
        const bx = b[0] - a[0];
        const by = b[1] - a[1];
        const bz = b[2] - a[2];
        let t = ((x - a[0]) * bx + (y - a[1]) * by + (z - a[2]) * bz) / (bx * bx + by * by + bz * bz);
        t = t < 0 ? 0 : Math.min(t, 1);
        const dx = x - a[0] - t * bx;
        const dy = y - a[1] - t * by;
        const dz = z - a[2] - t * bz;
        const d = Math.sqrt(dx * dx + dy * dy + dz * dz) - (a[3] + t * (b[3] - a[3]));
        stomach = smoothUnion(stomach, d, 10);
      }
      if (stomach < 20) {
        stomach += 4 * bumps(x, y, z, 32, 6.5);
        stomach = Math.max(stomach, 2 - liver, cavity + 4, domes + 4);
        const lumen = stomach + 4.2 + 2 * bumps(x, y, z, 11, 7.5);
        out[organIndex.stomach] = stomach;
        out[organIndex.stomachLumen] = lumen;
        out[organIndex.stomachAir] = Math.max(lumen, py / sy - anatomy.stomachAirLevel);
      }
    }
    const spleen = shape(anatomy.spleen, x, y, z);
    if (spleen < 20) {
      out[organIndex.spleen] = Math.max(
        spleen + 4 * bumps(x, y, z, 34, 8.5),
        cavity + 3,
        domes + 4,
        3 - out[organIndex.stomach]!,
        3 - kidney,
        2 - liver,
      );
    }
  };

  return {
    evaluate: (x, y, z, out) => {
      evaluate(x, y, z, out);
      for (let i = 0; i < out.length; i++) out[i]! *= meanScale;
    },
    liver: (x, y, z) => {
      evaluate(x, y, z, outputs);
      return outputs[organIndex.liver]! * meanScale;
    },
    place: (template) => {
      const p: [number, number, number] = [template[0] * sx, template[1] * sy, template[2] * sz];
      for (let i = 0; i < 6; i++) {
        toTemplate(p[0], p[1], p[2]);
        p[0] += (template[0] - warped[0]!) * sx;
        p[1] += (template[1] - warped[1]!) * sy;
        p[2] += (template[2] - warped[2]!) * sz;
      }
      return p;
    },
    extent: { halfWidth: skinWidth * sx, anterior: -skinFront * sy, posterior: skinBack * sy },
  };
}
