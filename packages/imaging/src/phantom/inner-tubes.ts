import type { Vec3 } from '../geometry/geometry.ts';
import type { SeededRandom } from '../random/seeded-random.ts';
import { type BodyField, spineY } from './body-field.ts';
import type { PatientAnatomy } from './patient-anatomy.ts';
import { chain, smoothChain, type TubePiece } from './tubes.ts';
import { growVesselTree } from './vessel-tree.ts';

/** Everything long and thin, in patient mm. */
export interface InnerTubes {
  readonly ribs: readonly TubePiece[];
  readonly cartilage: readonly TubePiece[];
  readonly processes: readonly TubePiece[];
  readonly aorta: readonly TubePiece[];
  readonly cava: readonly TubePiece[];
  readonly smallArteries: readonly TubePiece[];
  readonly portalTrunk: readonly TubePiece[];
  readonly oesophagus: readonly TubePiece[];
  readonly pancreas: readonly TubePiece[];
  readonly smallBowel: readonly TubePiece[];
  readonly colon: readonly TubePiece[];
  readonly mesentery: readonly TubePiece[];
  readonly liverVessels: readonly TubePiece[];
  readonly lungVessels: readonly TubePiece[];
}

/** Draws the tubes of one patient inside its body. */
export function drawInnerTubes(
  anatomy: PatientAnatomy,
  field: BodyField,
  outline: (x: number, y: number, z: number) => { cavity: number; lung: number; liver: number },
  random: SeededRandom,
): InnerTubes {
  const placed = (pieces: readonly TubePiece[]): TubePiece[] =>
    pieces.map((piece) => ({ ...piece, from: field.place(piece.from), to: field.place(piece.to) }));
  const near = (mean: number, spread: number) => mean + spread * (2 * random.uniform() - 1);
  const { vertebraPitch: pitch, vertebraPhase: phase } = anatomy;
  const [cavityWidth, cavityDepth, cavityY] = anatomy.cavity;

  const ribs: TubePiece[] = [];
  const cartilage: TubePiece[] = [];
  const processes: TubePiece[] = [];
  for (let level = -9; level <= 9; level++) {
    // Middle of a vertebra; number 12 is the lowest with ribs.
    const z = (level + 0.5) * pitch - phase;
    const y = spineY(z);
    if (z > -190) {
      processes.push(
        ...chain(
          [
            [0, y + 35, z - 4],
            [0, y + 42, z - 9],
            [0, y + 49, z - 15],
          ],
          [3.6, 2.6, 3.8],
        ),
      );
      for (const side of [-1, 1]) {
        processes.push(
          ...chain(
            [
              [side * 13, y + 12, z + 3],
              [side * 15, y + 24, z + 1],
              [side * 9, y + 34, z - 2],
              [0, y + 38, z - 4],
            ],
            [4.6, 5.6, 4, 3.4],
          ),
          ...chain(
            [
              [side * 15, y + 24, z + 1],
              [side * 34, y + 29, z + 1],
            ],
            [3.6, 2.6],
          ),
          ...chain(
            [
              [side * 16, y + 27, z + 9],
              [side * 17, y + 28, z - 13],
            ],
            [4.6, 4.8],
          ),
        );
      }
    }
    const number = 12 - Math.round((z - 8) / pitch);
    if (z < -10 || number > 12) continue;
    const reach = number === 12 ? 0.34 : number === 11 ? 0.52 : 0.86;
    const drop = number >= 11 ? 85 : 128;
    for (const side of [-1, 1]) {
      const points: Vec3[] = [];
      const steps = 30;
      for (let s = 0; s <= steps; s++) {
        const t = (s / steps) * reach;
        // From beside the spine (angle 0 at the back) round the side to the front.
        const angle = (0.1 + 0.9 * t) * Math.PI;
        const widen = 1 + 0.0002 * (z - 40);
        const a = (cavityWidth + 6) * widen;
        const b = (cavityDepth + 5) * widen;
        const across = Math.sin(angle);
        const along = Math.cos(angle);
        const square =
          1 /
          (0.62 +
            0.38 * Math.sqrt(Math.sqrt(across * across * across * across + along * along * along * along)));
        points.push([
          side * a * across * square,
          cavityY + b * along * square + (t < 0.12 ? (0.12 - t) * 40 : 0),
          z - drop * t * (0.85 + 0.15 * t) + (t > 0.72 ? (t - 0.72) * 150 : 0),
        ]);
      }
      const cut = number >= 11 ? points.length : Math.round(points.length * 0.86);
      const bony = points.slice(0, cut);
      ribs.push(
        ...chain(
          bony,
          bony.map((_, i) => (i === bony.length - 1 ? 3.6 : 4.9)),
        ),
      );
      const soft = points.slice(cut - 1);
      if (soft.length > 1)
        cartilage.push(
          ...chain(
            soft,
            soft.map(() => 5),
          ),
        );
    }
  }

  const aortaX = near(9, 4);
  const aortaRadius = near(10.5, 2);
  const line = (x: (z: number) => number, dy: number, from: number, to: number, step: number): Vec3[] => {
    const points: Vec3[] = [];
    for (let z = from; z <= to; z += step) points.push([x(z), spineY(z) - dy, z]);
    return points;
  };
  const aortaLine = line((z) => aortaX + (z > 40 ? (z - 40) * 0.12 : 0), 29, -135, 180, 15);
  const cavaLine = line((z) => -22 + (z > 20 ? (z - 20) * 0.05 : 0), 27, -135, 20, 15);
  cavaLine.push([-22, 32, 35], [-21, 26, 55], [-18, 15, 78], [-12, 0, 98]);
  const iliac = (side: number, x: number, y: number): Vec3[] => [
    [x, y, -135],
    [x + side * 18, y + 4, -165],
    [x + side * 42, y - 2, -205],
    [x + side * 58, y - 22, -260],
  ];
  const arteries = (): TubePiece[] => {
    const z = near(0, 6);
    const y = spineY(z) - 36;
    return [
      ...smoothChain(
        [
          [aortaX, y, z],
          [aortaX, y - 14, z - 8],
          [aortaX - 2, y - 18, z - 35],
          [aortaX - 8, y - 20, z - 90],
        ],
        [3.6, 3.4, 3.2, 2],
        5,
      ),
      ...smoothChain(
        [
          [aortaX, y, z + 12],
          [aortaX + 4, y - 14, z + 16],
          [aortaX + 35, y - 6, z + 24],
          [88, 22, 34],
        ],
        [3.4, 3.2, 2.6, 2],
        6,
      ),
      ...[-1, 1].flatMap((side) =>
        smoothChain(
          [
            [aortaX, y + 8, z - 16],
            [side * 30, y + 14, z - 22],
            [side * 46, y + 16, z - 26],
          ],
          [2.8, 2.6, 2.2],
          4,
        ),
      ),
    ];
  };
  const portalRoot: Vec3 = [-16, -4, 2];
  const portalTrunk = placed(
    smoothChain(
      [[aortaX - 16, 2, -70], [aortaX - 14, 4, -22], [-8, 4, -8], portalRoot, [-30, -6, 10], [-44, -6, 14]],
      [4.6, 5.4, 6.4, 6.6, 6, 5.2],
      6,
    ),
  );
  const splenic = placed(
    smoothChain(
      [
        [aortaX - 14, 4, -22],
        [20, 4, -6],
        [52, 14, 14],
        [84, 24, 28],
      ],
      [5, 4.6, 4, 3],
      6,
    ),
  );

  const inLiver = (x: number, y: number, z: number) => outline(x, y, z).liver;
  const grow = (from: Vec3, to: Vec3, radius: number, name: string): TubePiece[] => {
    const root = field.place(from);
    const tip = field.place(to);
    return growVesselTree(
      root,
      [tip[0] - root[0], tip[1] - root[1], tip[2] - root[2]],
      radius,
      0.9,
      13,
      inLiver,
      random.derive(name),
      260,
    );
  };
  const liverVessels = [
    ...portalTrunk,
    ...grow([-42, -6, 13], [-80, 10, 10], 4.8, 'portal right'),
    ...grow([-44, -8, 14], [-75, -40, 0], 4.2, 'portal right front'),
    ...grow([-24, -20, 18], [10, -50, 28], 4, 'portal left'),
    ...grow([-25, 24, 58], [-85, 30, 20], 4.6, 'hepatic right'),
    ...grow([-24, 18, 60], [-50, -50, 30], 4.2, 'hepatic middle'),
    ...grow([-18, 14, 60], [25, -45, 35], 4, 'hepatic left'),
  ];

  const inLung = (x: number, y: number, z: number) => outline(x, y, z).lung;
  const lungVessels: TubePiece[] = [];
  for (const side of [-1, 1]) {
    for (let i = 0; i < 9; i++) {
      const from: Vec3 = [side * near(58, 14), near(15, 25), near(108, 14)];
      const to: Vec3 = [side * near(90, 30), near(30, 60), near(50, 40)];
      const root = field.place(from);
      const tip = field.place(to);
      lungVessels.push(
        ...growVesselTree(
          root,
          [tip[0] - root[0], tip[1] - root[1], tip[2] - root[2]],
          near(3, 0.8),
          0.6,
          14,
          inLung,
          random.derive('lung', side, i),
          130,
        ),
      );
    }
  }

  const pancreas = placed(
    smoothChain(
      [
        [-20, 0, -40],
        [-22, -6, -22],
        [-4, -16, -10],
        [22, -8, 0],
        [50, 8, 12],
        [78, 20, 22],
      ],
      [10, 12.5, near(9, 1.5), near(9, 1.5), near(10, 1.5), 8],
      6,
    ),
  );

  // Bowel loops wander through what the other organs leave free, below the liver.
  const smallBowel: TubePiece[] = [];
  const inCavity = (x: number, y: number, z: number) => {
    const o = outline(x, y, z);
    return Math.max(o.cavity + 14, 14 - o.liver);
  };
  for (let loop = 0; loop < 48; loop++) {
    const start: Vec3 = [near(5, 82), near(-34, 46), near(-135, 95)];
    const root = field.place(start);
    if (inCavity(...root) > -2) continue;
    let at: Vec3 = root;
    let heading: Vec3 = [random.normal(), random.normal(), 0.4 * random.normal()];
    const radius = near(11, 3);
    for (let s = 0; s < 9; s++) {
      const n = Math.sqrt(heading[0] * heading[0] + heading[1] * heading[1] + heading[2] * heading[2]) || 1;
      const to: Vec3 = [
        at[0] + (12 * heading[0]) / n,
        at[1] + (12 * heading[1]) / n,
        at[2] + (12 * heading[2]) / n,
      ];
      heading = [
        heading[0] / n + 0.6 * random.normal(),
        heading[1] / n + 0.6 * random.normal(),
        heading[2] / n + 0.4 * random.normal(),
      ];
      if (inCavity(...to) > -1) {
        heading = [-heading[0], -heading[1], -heading[2]];
        continue;
      }
      smallBowel.push({ from: at, to, fromRadius: radius, toRadius: radius });
      at = to;
    }
  }
  // Mesenteric vessels fan out from the root of the mesentery.
  const mesentery: TubePiece[] = [];
  for (let branch = 0; branch < 16; branch++) {
    const root = field.place([near(4, 14), near(6, 12), near(-75, 45)]);
    const tip = field.place([near(5, 95), near(-60, 35), near(-110, 70)]);
    mesentery.push(
      ...growVesselTree(
        root,
        [tip[0] - root[0], tip[1] - root[1], tip[2] - root[2]],
        near(2.3, 0.7),
        0.7,
        14,
        (x, y, z) => {
          const o = outline(x, y, z);
          return Math.max(o.cavity - 2, 1 - o.liver);
        },
        random.derive('mesentery', branch),
        60,
      ),
    );
  }
  const flexure = near(-58, 10);
  const sag = near(-85, 22);
  const colonLine: Vec3[] = [
    [-88, 0, -215],
    [-97, 14, -165],
    [-98, 22, -115],
    [-92, 6, flexure - 10],
    [-68, -52, flexure - 12],
    [-30, -76, sag],
    [20, -78, sag - 6],
    [62, -66, -50],
    [96, -26, -4],
    [104, 22, -22],
    [103, 36, -70],
    [101, 32, -130],
    [92, 18, -185],
    [60, 10, -235],
    [20, 20, -250],
  ];
  const colonRadius = near(19, 4);
  const colon = placed(
    smoothChain(
      colonLine,
      colonLine.map((_, i) => (i < 4 ? colonRadius * 1.25 : i < 9 ? colonRadius : colonRadius * 0.75)),
      7,
    ).map((piece, i) => {
      const haustra = (n: number) => 1 + 0.13 * Math.sin(n * 2.1);
      return {
        ...piece,
        fromRadius: piece.fromRadius * haustra(i),
        toRadius: piece.toRadius * haustra(i + 1),
      };
    }),
  );

  const [firstAorta] = aortaLine;
  const [firstCava] = cavaLine;
  return {
    ribs: placed(ribs),
    cartilage: placed(cartilage),
    processes: placed(processes),
    aorta: placed([
      ...chain(
        aortaLine,
        aortaLine.map(() => aortaRadius),
      ),
      ...[-1, 1].flatMap((side) =>
        smoothChain(iliac(side, firstAorta![0], firstAorta![1]), [aortaRadius * 0.7, 6, 5.5, 5], 4),
      ),
    ]),
    cava: placed([
      ...smoothChain(
        cavaLine,
        cavaLine.map(() => aortaRadius * 1.12),
        3,
      ),
      ...[-1, 1].flatMap((side) =>
        smoothChain(iliac(side, firstCava![0], firstCava![1] + 5), [aortaRadius * 0.8, 7, 6.5, 6], 4),
      ),
    ]),
    smallArteries: placed(arteries()),
    portalTrunk: [...portalTrunk, ...splenic],
    oesophagus: placed(
      smoothChain(
        [
          [10, 30, 170],
          [10, 26, 110],
          [16, 14, 72],
          [40, 6, 52],
        ],
        [8.5, 8.5, 8, 8],
        6,
      ),
    ),
    pancreas,
    smallBowel,
    colon,
    mesentery,
    liverVessels,
    lungVessels,
  };
}
