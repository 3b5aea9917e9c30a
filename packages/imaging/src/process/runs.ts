import type { Vec3 } from '../geometry/geometry.ts';
import { assertMaskFits } from './voxel-array.ts';

/** Neighbours that touch: over faces (6), also edges (18), also corners (26). */
export type Connectivity = 6 | 18 | 26;

/**
 * The mask's components as runs along x: run r covers x = start[r] .. end[r] - 1 of row y + size[1] * z,
 * rows in order, and belongs to component `label[r]`, 1..count.
 * Components are numbered in the order of their first voxels.
 */
export interface LabelledRuns {
  /** First run of each row; one entry more than rows. */
  readonly rowStart: Int32Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly label: Int32Array;
  readonly count: number;
  /** Voxels of each component; index 0 holds the background. */
  readonly sizes: number[];
}

/**
 * Finds the connected components of the non-zero voxels of `mask` (x fastest) in one pass over rows with
 * union-find on runs (He, Chao and Suzuki, A run-based two-scan labeling algorithm, 2008).
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function labelRuns(mask: Uint8Array, size: Vec3, connectivity: Connectivity): LabelledRuns {
  assertMaskFits(mask, size);
  const { rowStart, start, end } = findRuns(mask, size);
  const parent = new Int32Array(start.length);
  for (let r = 0; r < parent.length; r++) parent[r] = r;
  joinNeighbours({ rowStart, start, end }, size, connectivity, parent);

  const label = new Int32Array(start.length);
  const sizes = [mask.length];
  let count = 0;
  for (let r = 0; r < start.length; r++) {
    // The root is the smallest run of its component, so it has its label by now.
    const root = findRoot(parent, r);
    if (root === r) {
      label[r] = ++count;
      sizes.push(0);
    } else {
      label[r] = label[root]!;
    }
    const voxels = end[r]! - start[r]!;
    sizes[label[r]!]! += voxels;
    sizes[0]! -= voxels;
  }
  return { rowStart, start, end, label, count, sizes };
}

/** Calls `visit` with the flat index range and the component of every run, in order. */
export function forEachRun(
  runs: LabelledRuns,
  size: Vec3,
  visit: (from: number, to: number, label: number) => void,
): void {
  const rows = size[1] * size[2];
  for (let row = 0; row < rows; row++) {
    const base = row * size[0];
    for (let r = runs.rowStart[row]!; r < runs.rowStart[row + 1]!; r++) {
      visit(base + runs.start[r]!, base + runs.end[r]!, runs.label[r]!);
    }
  }
}

interface Runs {
  readonly rowStart: Int32Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

function findRuns(mask: Uint8Array, size: Vec3): Runs {
  const width = size[0];
  const rows = size[1] * size[2];
  const rowStart = new Int32Array(rows + 1);
  let start = new Int32Array(1024);
  let end = new Int32Array(1024);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const base = row * width;
    let x = 0;
    while (x < width) {
      while (x < width && mask[base + x] === 0) x++;
      if (x === width) break;
      if (count === start.length) {
        start = doubled(start);
        end = doubled(end);
      }
      start[count] = x;
      while (x < width && mask[base + x] !== 0) x++;
      end[count++] = x;
    }
    rowStart[row + 1] = count;
  }
  return { rowStart, start: start.slice(0, count), end: end.slice(0, count) };
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Earlier rows that touch a row: dy, dz, and by how much runs may miss each other in x and still touch. */
const earlierRows: Record<Connectivity, readonly (readonly [dy: number, dz: number, reach: 0 | 1])[]> = {
  6: [
    [-1, 0, 0],
    [0, -1, 0],
  ],
  18: [
    [-1, 0, 1],
    [0, -1, 1],
    [-1, -1, 0],
    [1, -1, 0],
  ],
  26: [
    [-1, 0, 1],
    [0, -1, 1],
    [-1, -1, 1],
    [1, -1, 1],
  ],
};

function joinNeighbours(runs: Runs, size: Vec3, connectivity: Connectivity, parent: Int32Array): void {
  const { rowStart, start, end } = runs;
  const [, height, depth] = size;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const row = y + height * z;
      if (rowStart[row] === rowStart[row + 1]) continue;
      for (const [dy, dz, reach] of earlierRows[connectivity]) {
        if (z + dz < 0 || y + dy < 0 || y + dy >= height) continue;
        const other = row + dy + height * dz;
        let a = rowStart[row]!;
        let b = rowStart[other]!;
        const lastA = rowStart[row + 1]!;
        const lastB = rowStart[other + 1]!;
        while (a < lastA && b < lastB) {
          if (start[a]! < end[b]! + reach && start[b]! < end[a]! + reach) join(parent, a, b);
          // The run that ends first can touch nothing more: runs of a row are at least one voxel apart.
          if (end[a]! < end[b]!) a++;
          else b++;
        }
      }
    }
  }
}

function findRoot(parent: Int32Array, run: number): number {
  let r = run;
  while (parent[r] !== r) {
    parent[r] = parent[parent[r]!]!;
    r = parent[r]!;
  }
  return r;
}

function join(parent: Int32Array, a: number, b: number): void {
  const rootA = findRoot(parent, a);
  const rootB = findRoot(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else if (rootB < rootA) parent[rootA] = rootB;
}
