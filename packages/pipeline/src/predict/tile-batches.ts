/** One tile of one slice in one pass through the network. */
export interface TileJob {
  /** Slice k of the prepared grid. */
  readonly slice: number;
  /** Index in the tile grid. */
  readonly tile: number;
  readonly mirrored: boolean;
  /** Whether it is the last one of its slice. */
  readonly endsSlice: boolean;
}

/** All tiles of the given slices, slice after slice, in batches of at most `batchSize`. */
export function* tileBatches(
  slices: readonly number[],
  tiles: number,
  mirror: boolean,
  batchSize: number,
): Generator<TileJob[]> {
  const passes = mirror ? [false, true] : [false];
  let batch: TileJob[] = [];
  for (const slice of slices) {
    for (let tile = 0; tile < tiles; tile++) {
      for (const [pass, mirrored] of passes.entries()) {
        const endsSlice = tile === tiles - 1 && pass === passes.length - 1;
        batch.push({ slice, tile, mirrored, endsSlice });
        if (batch.length === batchSize) {
          yield batch;
          batch = [];
        }
      }
    }
  }
  if (batch.length > 0) yield batch;
}
