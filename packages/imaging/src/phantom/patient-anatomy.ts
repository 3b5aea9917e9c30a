import type { SeededRandom } from '../random/seeded-random.ts';
import { type Ellipsoid, ellipsoid } from './implicit-shapes.ts';

/** When after the contrast injection the scan was taken. */
export const contrastPhases = ['native', 'arterial', 'portal-venous', 'delayed'] as const;
export type ContrastPhase = (typeof contrastPhases)[number];

/** Mean HU of the tissues of one patient. */
export interface TissueValues {
  readonly fat: number;
  readonly muscle: number;
  readonly liver: number;
  readonly liverVessel: number;
  readonly spleen: number;
  readonly kidneyCortex: number;
  readonly kidneyMedulla: number;
  readonly aorta: number;
  readonly cava: number;
  readonly heart: number;
  readonly pancreas: number;
  readonly bowelWall: number;
  readonly gallbladder: number;
  readonly stomachContent: number;
  readonly bowelContent: number;
  readonly lung: number;
  readonly spongyBone: number;
  readonly corticalBone: number;
}

/**
 * Everything that makes one patient, drawn once. Lengths are mm of a template body whose axis is x = y = 0 and
 * whose z = 0 lies a little below the middle of the liver; `scale` turns template mm into this patient's mm.
 */
export interface PatientAnatomy {
  readonly phase: ContrastPhase;
  readonly tissue: TissueValues;
  readonly scale: readonly [number, number, number];
  /** Half width and half depth of the muscle hull. */
  readonly hull: readonly [number, number];
  /** Peritoneal cavity: half width, half depth, y of its centre. */
  readonly cavity: readonly [number, number, number];
  /** Subcutaneous fat: at the sides, in front, at the back. */
  readonly fat: readonly [number, number, number];
  readonly domeRight: Ellipsoid;
  readonly domeLeft: Ellipsoid;
  readonly heart: Ellipsoid;
  readonly liverRight: Ellipsoid;
  readonly liverLeft: Ellipsoid;
  readonly liverCaudate: Ellipsoid;
  readonly gallbladder: Ellipsoid;
  readonly spleen: Ellipsoid;
  readonly kidneyRight: Ellipsoid;
  readonly kidneyLeft: Ellipsoid;
  readonly bladder: Ellipsoid;
  /** Centre line of the stomach from fundus to pylorus, with radii. */
  readonly stomach: readonly (readonly [number, number, number, number])[];
  /** y (template mm) above which (anteriorly) the stomach holds air. */
  readonly stomachAirLevel: number;
  /** Height of a vertebra with its disc. */
  readonly vertebraPitch: number;
  readonly vertebraPhase: number;
  /** Amplitude in mm of the slow deformation of the whole body. */
  readonly warp: number;
}

function drawTissue(phase: ContrastPhase, random: SeededRandom): TissueValues {
  const around = (mean: number, spread: number) => Math.round(mean + spread * (2 * random.uniform() - 1));
  const byPhase = {
    native: { liver: 56, vessel: -12, spleen: 48, cortex: 34, medulla: 32, aorta: 42, cava: 40 },
    arterial: { liver: 74, vessel: 22, spleen: 118, cortex: 165, medulla: 70, aorta: 290, cava: 75 },
    'portal-venous': {
      liver: 108,
      vessel: 48,
      spleen: 120,
      cortex: 182,
      medulla: 145,
      aorta: 155,
      cava: 135,
    },
    delayed: { liver: 88, vessel: 22, spleen: 96, cortex: 148, medulla: 155, aorta: 112, cava: 110 },
  }[phase];
  const liver = around(byPhase.liver, 10);
  return {
    fat: around(-102, 7),
    muscle: around(phase === 'native' ? 50 : 62, 7),
    liver,
    liverVessel: liver + around(byPhase.vessel, 7),
    spleen: around(byPhase.spleen, 9),
    kidneyCortex: around(byPhase.cortex, 14),
    kidneyMedulla: around(byPhase.medulla, 10),
    aorta: around(byPhase.aorta, 16),
    cava: around(byPhase.cava, 12),
    heart: around(byPhase.aorta * 0.9 + 5, 10),
    pancreas: around(phase === 'native' ? 40 : 88, 10),
    bowelWall: around(phase === 'native' ? 38 : 78, 12),
    gallbladder: around(9, 7),
    stomachContent: random.uniform() < 0.2 ? around(190, 50) : around(28, 16),
    bowelContent: random.uniform() < 0.25 ? around(170, 70) : around(24, 14),
    lung: around(-855, 25),
    spongyBone: around(170, 45),
    corticalBone: around(620, 120),
  };
}

/** Draws one patient, whose other traits do not depend on whether the phase is given. */
export function drawAnatomy(random: SeededRandom, wantedPhase?: ContrastPhase): PatientAnatomy {
  const near = (mean: number, spread: number) => mean + spread * (2 * random.uniform() - 1);
  const draw = random.uniform();
  const drawnPhase: ContrastPhase =
    draw < 0.6 ? 'portal-venous' : draw < 0.73 ? 'arterial' : draw < 0.87 ? 'delayed' : 'native';
  const phase = wantedPhase ?? drawnPhase;
  const girth = random.uniform();
  const size = near(1, 0.06);
  const cavityWidth = near(127, 7) + 6 * girth;
  const cavityDepth = near(90, 6) + 12 * girth;
  const rightDomeTop = near(80, 9);
  const liverX = near(-62, 7);
  return {
    phase,
    tissue: drawTissue(phase, random),
    scale: [size * near(1, 0.04), size * near(1, 0.04), size * near(1, 0.06)],
    hull: [cavityWidth + near(15, 2), cavityDepth + near(22, 2)],
    cavity: [cavityWidth, cavityDepth, near(-13, 1.5)],
    fat: [5 + 32 * girth * near(1, 0.3), 6 + 34 * girth * near(1, 0.3), 7 + 24 * girth * near(1, 0.3)],
    domeRight: ellipsoid([-60, -8, -4], [cavityWidth - 58, cavityDepth + 3, rightDomeTop]),
    domeLeft: ellipsoid([58, 2, -6], [cavityWidth - 57, cavityDepth, rightDomeTop - near(18, 6)]),
    heart: ellipsoid([near(24, 6), near(-36, 5), 112], [near(58, 4), near(42, 4), near(46, 4)], 28),
    liverRight: ellipsoid(
      [liverX, near(-2, 6), near(2, 8)],
      [near(66, 6), near(82, 6), near(84, 10)],
      near(0, 8),
      near(0.1, 0.06),
      near(-0.1, 0.08),
    ),
    liverLeft: ellipsoid(
      [near(2, 10), near(-46, 6), near(28, 6)],
      [near(78, 16), near(36, 5), near(36, 6)],
      near(8, 10),
      0.1,
      near(-0.15, 0.1),
    ),
    liverCaudate: ellipsoid([near(-12, 4), near(4, 4), near(26, 6)], [near(19, 4), near(20, 4), near(28, 5)]),
    gallbladder: ellipsoid(
      [near(-42, 8), near(-52, 8), near(-32, 8)],
      [near(14, 4), near(15, 4), near(29, 7)],
      near(0, 30),
      near(0.2, 0.2),
      near(-0.4, 0.2),
    ),
    spleen: ellipsoid(
      [near(96, 4), near(30, 7), near(32, 9)],
      [near(25, 5), near(46, 8), near(47, 9)],
      near(-18, 10),
      near(-0.1, 0.08),
      near(-0.1, 0.1),
    ),
    kidneyRight: ellipsoid(
      [near(-59, 5), near(40, 4), near(-42, 10)],
      [near(27, 3), near(24, 3), near(54, 6)],
      near(-30, 10),
      near(0.2, 0.05),
      near(-0.1, 0.05),
    ),
    kidneyLeft: ellipsoid(
      [near(61, 5), near(41, 4), near(-24, 10)],
      [near(28, 3), near(25, 3), near(56, 6)],
      near(30, 10),
      near(-0.2, 0.05),
      near(-0.1, 0.05),
    ),
    bladder: ellipsoid([near(0, 6), near(-30, 8), near(-270, 8)], [near(42, 10), near(32, 8), near(34, 10)]),
    stomach: (() => {
      const dx = near(0, 9);
      const dy = near(0, 8);
      const wide = near(1, 0.22);
      const drop = near(0, 14);
      return [
        [58 + dx, 12 + dy, 50, 30 * wide],
        [60 + dx, -16 + dy, 36, 34 * wide],
        [52 + dx, -46 + dy, 6 - drop, 27 * wide],
        [28 + dx, -62 + dy, -22 - drop, 20 * wide],
        [-4 + dx, -56 + dy, -30 - drop, 16],
        [-26, -38, -18, 11],
      ] as const;
    })(),
    stomachAirLevel: near(-48, 22),
    vertebraPitch: near(34, 3),
    vertebraPhase: near(0, 17),
    warp: near(9, 3),
  };
}
