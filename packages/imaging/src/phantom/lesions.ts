import type { Vec3 } from '../geometry/geometry.ts';
import type { SeededRandom } from '../random/seeded-random.ts';

/** One lesion of a phantom, in patient mm. */
export interface PhantomLesion {
  readonly centre: Vec3;
  /** Diameter of the ball of the same volume. */
  readonly diameterMm: number;
  /** How many HU its core lies below the liver. */
  readonly contrastHu: number;
  /** Width of the border over which it passes into the liver, 10 to 90 % about. */
  readonly borderMm: number;
  /** Extra HU of a rim just inside the border; 0 for none. */
  readonly rimHu: number;
  /** Extra darkness of the centre of a large lesion (necrosis). */
  readonly necrosisHu: number;
  /** False when it reaches the liver's surface, which then cuts it. */
  readonly wholeInLiver: boolean;
  readonly shape: LesionShape;
}

/** Radius as a function of direction: `radius * (1 + sum amplitude sin(wave . u + phase))`. */
export interface LesionShape {
  readonly radius: number;
  /** Largest radius in any direction. */
  readonly reach: number;
  /** 5 numbers a wave: amplitude, wave vector x, y, z, phase. */
  readonly waves: Float64Array;
}

/** Radius of the lesion in the direction of the unit vector (x, y, z). */
export function lesionRadius(shape: LesionShape, x: number, y: number, z: number): number {
  const w = shape.waves;
  let sum = 1;
  for (let i = 0; i < w.length; i += 5) {
    sum += w[i]! * Math.sin(w[i + 1]! * x + w[i + 2]! * y + w[i + 3]! * z + w[i + 4]!);
  }
  return shape.radius * sum;
}

const directions: readonly Vec3[] = (() => {
  const golden = Math.PI * (3 - Math.sqrt(5));
  return Array.from({ length: 240 }, (_, i): Vec3 => {
    const z = 1 - (2 * i + 1) / 240;
    const r = Math.sqrt(1 - z * z);
    return [r * Math.cos(golden * i), r * Math.sin(golden * i), z];
  });
})();

function drawShape(diameter: number, random: SeededRandom): LesionShape {
  const count = 5;
  const waves = new Float64Array(count * 5);
  const unevenness = 0.04 + 0.14 * random.uniform() * random.uniform() + (diameter > 20 ? 0.03 : 0);
  for (let i = 0; i < count; i++) {
    const length = 1.6 + 1.1 * i;
    const d = directions[random.integer(directions.length)]!;
    waves.set(
      [
        (unevenness * 1.6) / length,
        length * d[0],
        length * d[1],
        length * d[2],
        2 * Math.PI * random.uniform(),
      ],
      i * 5,
    );
  }
  // Scale so that the volume is that of a ball of this diameter.
  const unitShape: LesionShape = { radius: 1, reach: 1, waves };
  let cubes = 0;
  let most = 0;
  for (const d of directions) {
    const r = lesionRadius(unitShape, d[0], d[1], d[2]);
    cubes += r * r * r;
    most = Math.max(most, r);
  }
  const radius = diameter / 2 / Math.cbrt(cubes / directions.length);
  return { radius, reach: radius * most * 1.02, waves };
}

export interface LesionWishes {
  readonly count: readonly [number, number];
  readonly diameterMm: readonly [number, number];
  readonly contrastHu: readonly [number, number];
  /** Of the scan that will show them. */
  readonly noiseSdHu: number;
}

/** Contrast / noise of a disc that readers just see, times its diameter in mm: Rose's 5 over noise grains of 1.5 mm. */
const visibleMm = 5 * 1.5 * Math.sqrt(4 / Math.PI);

/**
 * The least contrast at which a reader can outline a lesion in this noise, by the Rose criterion: contrast / noise times the
 * root of how many grains of noise its section covers is 5 or more (Rose, "The sensitivity performance of the human eye on an
 * absolute scale", J Opt Soc Am 38, 1948). Labels of real scans hold what a reader saw, and so does the truth here.
 */
export function visibleContrastHu(diameterMm: number, noiseSdHu: number): number {
  return (visibleMm * noiseSdHu) / diameterMm;
}

/**
 * Draws lesions and finds room for each inside the liver, apart from the others. One that finds none is
 * made smaller step by step, down to the smallest wished diameter, and left out only then. Those too faint for their size to
 * be seen in the noise get as much more contrast as they need, within the wished range.
 * @param liverDistance signed distance to the liver, mm, negative inside
 * @param bounds box around the liver, patient mm
 * @param liverHu keeps the darkest core above -5 HU
 */
export function drawLesions(
  wishes: LesionWishes,
  liverDistance: (x: number, y: number, z: number) => number,
  bounds: { readonly low: Vec3; readonly high: Vec3 },
  liverHu: number,
  random: SeededRandom,
): PhantomLesion[] {
  const [fewest, largestCount] = wishes.count;
  const count = fewest + random.integer(largestCount - fewest + 1);
  const [smallest, largest] = wishes.diameterMm;
  const diameters = Array.from(
    { length: count },
    () => smallest * Math.exp(random.uniform() * Math.log(largest / smallest)),
  ).sort((a, b) => b - a);
  const lesions: PhantomLesion[] = [];
  for (const wished of diameters) {
    const mayReachSurface = random.uniform() < 0.25;
    for (let diameter = wished; ; diameter = Math.max(smallest, diameter * 0.82)) {
      const shape = drawShape(diameter, random);
      const found = findRoom(shape, mayReachSurface, lesions, liverDistance, bounds, random);
      if (found !== undefined) {
        const [low, high] = wishes.contrastHu;
        const most = Math.max(low, Math.min(high, liverHu + 5));
        const drawn = random.between(low, most);
        const contrast = Math.max(drawn, Math.min(most, visibleContrastHu(diameter, wishes.noiseSdHu)));
        // A rim is up to 6 mm deep: in a smaller lesion it would leave no darker core, and the whole would vanish.
        const rim = diameter >= 10 && random.uniform() < 0.3 && diameter >= 20;
        lesions.push({
          centre: found.centre,
          diameterMm: diameter,
          contrastHu: contrast,
          borderMm: random.between(1, Math.min(4.5, 1.2 + diameter / 8)),
          rimHu: rim ? contrast + random.between(4, 22) : 0,
          necrosisHu: diameter > 25 && random.uniform() < 0.4 ? random.between(5, 14) : 0,
          wholeInLiver: found.whole,
          shape,
        });
        break;
      }
      if (diameter <= smallest) break;
    }
  }
  return lesions;
}

function findRoom(
  shape: LesionShape,
  mayReachSurface: boolean,
  others: readonly PhantomLesion[],
  liverDistance: (x: number, y: number, z: number) => number,
  bounds: { readonly low: Vec3; readonly high: Vec3 },
  random: SeededRandom,
): { centre: Vec3; whole: boolean } | undefined {
  const probes = directions.filter((_, i) => i % 10 === 0);
  for (let attempt = 0; attempt < 60; attempt++) {
    const centre: Vec3 = [
      random.between(bounds.low[0], bounds.high[0]),
      random.between(bounds.low[1], bounds.high[1]),
      random.between(bounds.low[2], bounds.high[2]),
    ];
    if (liverDistance(...centre) > -shape.radius * 0.5) continue;
    const clear = others.every((other) => {
      const dx = other.centre[0] - centre[0];
      const dy = other.centre[1] - centre[1];
      const dz = other.centre[2] - centre[2];
      return Math.sqrt(dx * dx + dy * dy + dz * dz) > other.shape.reach + shape.reach + 5;
    });
    if (!clear) continue;
    const probe = shape.reach + 1.5;
    let outside = 0;
    for (const d of probes) {
      if (
        liverDistance(centre[0] + d[0] * probe, centre[1] + d[1] * probe, centre[2] + d[2] * probe) > -0.5
      ) {
        outside++;
      }
    }
    if (outside === 0) return { centre, whole: true };
    if (mayReachSurface && outside <= probes.length * 0.22) return { centre, whole: false };
  }
  return undefined;
}
