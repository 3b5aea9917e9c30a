import type { Vec3 } from '../geometry/geometry.ts';
import type { SeededRandom } from '../random/seeded-random.ts';
import type { TubePiece } from './tubes.ts';

/** A function that tells how deep a point lies inside what the tree must not leave (negative inside, mm). */
export type DepthAt = (x: number, y: number, z: number) => number;

interface Shoot {
  readonly at: Vec3;
  readonly heading: Vec3;
  readonly radius: number;
}

function unit(v: Vec3): Vec3 {
  const length = Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) || 1;
  return [v[0] / length, v[1] / length, v[2] / length];
}

/**
 * Grows a branching tree inside an organ. Radii follow Murray's law at forks (the cubes of the children's
 * radii add up to the parent's); branches end below `leastRadius` or where they would leave the organ.
 */
export function growVesselTree(
  root: Vec3,
  heading: Vec3,
  radius: number,
  leastRadius: number,
  pieceLength: number,
  inside: DepthAt,
  random: SeededRandom,
  mostPieces = 400,
): TubePiece[] {
  const pieces: TubePiece[] = [];
  const open: Shoot[] = [{ at: root, heading: unit(heading), radius }];
  while (open.length > 0 && pieces.length < mostPieces) {
    const shoot = open.shift()!;
    const length = pieceLength * (0.6 + 0.5 * random.uniform());
    let best: { to: Vec3; heading: Vec3; depth: number } | undefined;
    for (let attempt = 0; attempt < 6; attempt++) {
      const spread = 0.35 + 0.18 * attempt;
      const turned = unit([
        shoot.heading[0] + spread * random.normal(),
        shoot.heading[1] + spread * random.normal(),
        shoot.heading[2] + spread * random.normal(),
      ]);
      const to: Vec3 = [
        shoot.at[0] + turned[0] * length,
        shoot.at[1] + turned[1] * length,
        shoot.at[2] + turned[2] * length,
      ];
      const depth = inside(to[0], to[1], to[2]);
      if (best === undefined || depth < best.depth - 4) best = { to, heading: turned, depth };
      if (best.depth < -7) break;
    }
    if (best === undefined || best.depth > -3) continue;
    const endRadius = shoot.radius * 0.94;
    pieces.push({ from: shoot.at, to: best.to, fromRadius: shoot.radius, toRadius: endRadius });
    if (random.uniform() < 0.55) {
      // Share of the flow that the first child takes.
      const share = 0.3 + 0.4 * random.uniform();
      const side = unit([random.normal(), random.normal(), random.normal()]);
      for (const [part, sign] of [
        [share, 1],
        [1 - share, -1],
      ] as const) {
        const child = endRadius * Math.cbrt(part);
        if (child < leastRadius) continue;
        const bend = sign * 0.9 * (1 - part);
        open.push({
          at: best.to,
          heading: unit([
            best.heading[0] + bend * side[0],
            best.heading[1] + bend * side[1],
            best.heading[2] + bend * side[2],
          ]),
          radius: child,
        });
      }
    } else if (endRadius >= leastRadius) {
      open.push({ at: best.to, heading: best.heading, radius: endRadius });
    }
  }
  return pieces;
}
