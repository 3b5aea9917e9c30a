import type { Geometry, Vec3 } from '../geometry/geometry.ts';
import type { ContrastPhase } from './patient-anatomy.ts';

export const phantomSchema = 'glisson-phantoms/1';

/** What is known about one lesion of a phantom. */
export interface LesionFacts {
  readonly id: number;
  /** LPS mm. */
  readonly centreMm: Vec3;
  /** Diameter of the ball of the same volume. */
  readonly diameterMm: number;
  /** HU of the liver minus HU of the lesion's core. */
  readonly contrastHu: number;
  /** Half width of the soft border. */
  readonly borderMm: number;
  readonly rim: boolean;
  readonly necrosis: boolean;
  /** False when the liver's surface cuts it: its truth is then smaller than its diameter says. */
  readonly wholeInLiver: boolean;
  /** Voxels of the truth; 0 when it is too small for the grid or lies outside the scan. */
  readonly voxels: number;
  readonly volumeMl: number;
}

/** What is known about one phantom. */
export interface PhantomFacts {
  readonly seed: number;
  /** 1, 2, 3 … */
  readonly patient: number;
  readonly phase: ContrastPhase;
  readonly geometry: Geometry;
  /** Standard deviation of the noise in the liver. */
  readonly noiseSdHu: number;
  readonly liverHu: number;
  /** Lesions included, as in the truth. */
  readonly liverVolumeMl: number;
  readonly lesions: readonly LesionFacts[];
}
