import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import type { Vec3 } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { connectedComponents, keepComponents, largestComponent } from './components.ts';

/** Flood fill, one voxel after another: slow and plain. */
function floodLabels(mask: Uint8Array, size: Vec3, connectivity: 6 | 18 | 26): Int32Array {
  const farthest = { 6: 1, 18: 2, 26: 3 }[connectivity];
  const labels = new Int32Array(mask.length);
  const [w, h, d] = size;
  let count = 0;
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || labels[seed] !== 0) continue;
    labels[seed] = ++count;
    const open = [seed];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y, z] = [at % w, Math.floor(at / w) % h, Math.floor(at / (w * h))];
      for (let dz = -1; dz <= 1; dz++)
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) {
            if (Math.abs(dx) + Math.abs(dy) + Math.abs(dz) > farthest) continue;
            if (x + dx < 0 || x + dx >= w || y + dy < 0 || y + dy >= h || z + dz < 0 || z + dz >= d) continue;
            const next = x + dx + w * (y + dy + h * (z + dz));
            if (mask[next] === 0 || labels[next] !== 0) continue;
            labels[next] = count;
            open.push(next);
          }
    }
  }
  return labels;
}

const connectivities = [6, 18, 26] as const;

describe('connectedComponents', () => {
  test('equals a flood fill from every first voxel, numbers included', () => {
    const side = fc.integer({ min: 1, max: 9 });
    const input = fc.tuple(side, side, side).chain((size) =>
      fc.tuple(
        fc.constant(size as Vec3),
        fc.uint8Array({
          minLength: size[0] * size[1] * size[2],
          maxLength: size[0] * size[1] * size[2],
          max: 3,
        }),
      ),
    );
    fc.assert(
      fc.property(
        input,
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(...connectivities),
        (drawn, from, connectivity) => {
          const [size, values] = drawn;
          const mask = values.map((value) => (value >= from ? 200 : 0));
          const { labels, count, sizes } = connectedComponents(mask, size, connectivity);
          expect(labels).toEqual(floodLabels(mask, size, connectivity));
          const counted = new Array<number>(count + 1).fill(0);
          for (const label of labels) counted[label]!++;
          expect(sizes).toEqual(counted);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('voxels that touch by edge or corner only', () => {
    const edge = Uint8Array.of(1, 0, 0, 1);
    expect(connectivities.map((c) => connectedComponents(edge, [2, 2, 1], c).count)).toEqual([2, 1, 1]);
    const corner = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1);
    expect(connectivities.map((c) => connectedComponents(corner, [2, 2, 2], c).count)).toEqual([2, 2, 1]);
    // The same, the other way round.
    const back = Uint8Array.of(0, 1, 0, 0, 0, 0, 1, 0);
    expect(connectivities.map((c) => connectedComponents(back, [2, 2, 2], c).count)).toEqual([2, 2, 1]);
  });

  test('rows do not run into each other', () => {
    expect(connectedComponents(Uint8Array.of(0, 0, 1, 1, 0, 0), [3, 2, 1], 26).count).toBe(2);
  });

  test('an empty mask and a wrong size', () => {
    expect(connectedComponents(new Uint8Array(8), [2, 2, 2], 6)).toEqual({
      labels: new Int32Array(8),
      count: 0,
      sizes: [8],
    });
    expect(() => connectedComponents(new Uint8Array(7), [2, 2, 2], 6)).toThrow(/7 voxels/);
  });

  test.skipIf(!hasSystemTools(['python3-scipy']))(
    needs(['python3-scipy'], 'equals scipy.ndimage.label'),
    () => {
      const size: Vec3 = [37, 41, 29];
      const random = createRandom(11, 'components');
      const mask = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () =>
        random.uniform() < 0.18 ? 1 : 0,
      );
      const folder = mkdtempSync(join(tmpdir(), 'glisson-components-'));
      try {
        writeFileSync(join(folder, 'mask'), mask);
        const program = `
import numpy as np
from scipy import ndimage
m = np.fromfile('mask', dtype=np.uint8).reshape(29, 41, 37)
for name, rank in (('6', 1), ('18', 2), ('26', 3)):
    ndimage.label(m, ndimage.generate_binary_structure(3, rank))[0].astype('<i4').tofile(name)
`;
        const run = spawnSync(debianPython, ['-c', program], { cwd: folder, encoding: 'utf8' });
        expect(run.stderr).toBe('');
        for (const connectivity of connectivities) {
          const bytes = readFileSync(join(folder, `${connectivity}`));
          const theirs = new Int32Array(
            bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
          );
          const { labels, count } = connectedComponents(mask, size, connectivity);
          expect(count).toBeGreaterThan(20);
          // scipy numbers in another order for some shapes: compare as a partition.
          const pairs = new Set<string>();
          for (let i = 0; i < mask.length; i++) pairs.add(`${labels[i]} ${theirs[i]}`);
          expect(pairs.size).toBe(count + 1);
          expect(Math.max(...theirs)).toBe(count);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe('choosing components', () => {
  const mask = Uint8Array.of(5, 0, 1, 1, 0, 1, 1, 0, 1);

  test('the largest, the first of equals, as 0 and 1', () => {
    expect([...largestComponent(mask, [9, 1, 1], 6)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0]);
    expect([...largestComponent(new Uint8Array(3), [3, 1, 1], 6)]).toEqual([0, 0, 0]);
  });

  test('by size and number', () => {
    expect([...keepComponents(mask, [9, 1, 1], 6, (voxels) => voxels === 1)]).toEqual([
      1, 0, 0, 0, 0, 0, 0, 0, 1,
    ]);
    expect([...keepComponents(mask, [9, 1, 1], 6, (_, component) => component === 3)]).toEqual([
      0, 0, 0, 0, 0, 1, 1, 0, 0,
    ]);
  });
});
