import type { SeededRandom } from '../random/seeded-random.ts';

/** A smooth random function of space: values in -1..1, one bump about every unit of length. */
export type SmoothNoise = (x: number, y: number, z: number) => number;

const period = 32;
const mask = period - 1;

/**
 * Value noise (Perlin's "lattice noise"): random values on a 32^3 periodic lattice, blended with
 * smoothstep weights. Uses additions and products only, so every machine computes the same bits.
 */
export function createSmoothNoise(random: SeededRandom): SmoothNoise {
  const lattice = new Float32Array(period * period * period);
  for (let i = 0; i < lattice.length; i++) lattice[i] = 2 * random.uniform() - 1;
  return (x, y, z) => {
    const fx = Math.floor(x);
    const fy = Math.floor(y);
    const fz = Math.floor(z);
    const tx = x - fx;
    const ty = y - fy;
    const tz = z - fz;
    const u = tx * tx * (3 - 2 * tx);
    const v = ty * ty * (3 - 2 * ty);
    const w = tz * tz * (3 - 2 * tz);
    const x0 = fx & mask;
    const x1 = (fx + 1) & mask;
    const y0 = (fy & mask) * period;
    const y1 = ((fy + 1) & mask) * period;
    const z0 = (fz & mask) * period * period;
    const z1 = ((fz + 1) & mask) * period * period;
    const a = lattice[z0 + y0 + x0]! + u * (lattice[z0 + y0 + x1]! - lattice[z0 + y0 + x0]!);
    const b = lattice[z0 + y1 + x0]! + u * (lattice[z0 + y1 + x1]! - lattice[z0 + y1 + x0]!);
    const c = lattice[z1 + y0 + x0]! + u * (lattice[z1 + y0 + x1]! - lattice[z1 + y0 + x0]!);
    const d = lattice[z1 + y1 + x0]! + u * (lattice[z1 + y1 + x1]! - lattice[z1 + y1 + x0]!);
    const near = a + v * (b - a);
    const far = c + v * (d - c);
    return near + w * (far - near);
  };
}
