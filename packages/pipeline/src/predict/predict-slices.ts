import type { TaskControl } from '@glisson/imaging/progress/progress';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { PreparedVolume } from '../preprocess/prepare-volume.ts';
import { findBodyRegion } from './body-region.ts';
import type { SliceNetwork } from './slice-network.ts';
import { type ClassIndices, createSliceStitcher, type SliceProbabilities } from './slice-stitcher.ts';
import { type TileJob, tileBatches } from './tile-batches.ts';
import { fitTile, growToTile, tileGrid } from './tile-grid.ts';

/** Runs a network: images [N, channels, height, width] to probabilities [N, classes, height, width]. */
export interface TilePredictor {
  run(
    input: Float32Array,
    dims: number[],
  ): Promise<{ readonly data: Float32Array; readonly dims: readonly number[] }>;
}

/** Pixels of a batch: enough to keep the engine's threads busy, small enough for a laptop's memory. */
const pixelsPerBatch = 4 * 256 * 256;

/**
 * Predicts liver and lesion probabilities slice by slice, and hands each finished slice to `onSlice` in rising
 * order of k, on the prepared grid. Slices without body are left out. While the engine works on a batch, the
 * next one is cut and the previous one stitched; at most a few slices are held.
 */
export async function predictSlices(
  prepared: PreparedVolume,
  network: SliceNetwork,
  predictor: TilePredictor,
  onSlice: (k: number, probabilities: SliceProbabilities) => void,
  control: TaskControl = {},
): Promise<void> {
  const { channels, classes, mirror } = network;
  const { size, spacing } = prepared.geometry;
  const slicePixels = size[0] * size[1];
  const body = findBodyRegion(prepared.voxels, size, network.airHU, spacing[0] * spacing[1]);
  const tile = fitTile(network.tileSize, body.rectangle, network.tileUnit);
  const region = growToTile(body.rectangle, [size[0], size[1]], tile);
  const grid = tileGrid(region, tile, network.overlap);
  const stitcher = createSliceStitcher([size[0], size[1]], grid, classes, mirror ? 2 : 1);
  const tilePixels = tile[0] * tile[1];
  const batchSize = Math.min(
    network.mostTiles ?? Number.POSITIVE_INFINITY,
    Math.max(1, Math.floor(pixelsPerBatch / tilePixels)),
  );

  const source = { slice: -1, channels: new Float32Array(channels * slicePixels) };
  const cutBatch = (batch: readonly TileJob[]): Float32Array => {
    const input = new Float32Array(batch.length * channels * tilePixels);
    for (const [n, job] of batch.entries()) {
      if (source.slice !== job.slice) {
        network.writeChannels(prepared, job.slice, source.channels);
        source.slice = job.slice;
      }
      const at = n * channels * tilePixels;
      stitcher.cut(source.channels, job.tile, job.mirrored, network.padding, input, at);
    }
    return input;
  };

  let sums: SliceProbabilities | undefined;
  let finished = 0;
  const stitchBatch = (batch: readonly TileJob[], probabilities: Float32Array): void => {
    for (const [n, job] of batch.entries()) {
      sums ??= stitcher.begin();
      stitcher.add(sums, job.tile, job.mirrored, probabilities, n * classes.classes * tilePixels);
      if (!job.endsSlice) continue;
      stitcher.finish(sums);
      assertNumbers(sums, job.slice);
      onSlice(job.slice, sums);
      sums = undefined;
      finished++;
      control.onProgress?.({ stage: 'segment', done: finished, total: body.slices.length, unit: 'slices' });
    }
  };

  let running: { batch: TileJob[]; result: ReturnType<TilePredictor['run']> } | undefined;
  for (const batch of tileBatches(body.slices, grid.positions.length, mirror, batchSize)) {
    const input = cutBatch(batch);
    const previous = running && { batch: running.batch, result: await running.result };
    control.signal?.throwIfAborted();
    const result = predictor.run(input, [batch.length, channels, tile[1], tile[0]]);
    // A failure is met when the result is awaited; until then it must not count as unhandled.
    result.catch(() => {});
    running = { batch, result };
    if (previous !== undefined) stitchBatch(previous.batch, probabilitiesOf(previous, classes, tile));
  }
  if (running !== undefined) {
    const last = { batch: running.batch, result: await running.result };
    stitchBatch(last.batch, probabilitiesOf(last, classes, tile));
  }
}

function probabilitiesOf(
  { batch, result }: { batch: readonly TileJob[]; result: Awaited<ReturnType<TilePredictor['run']>> },
  { classes }: ClassIndices,
  tile: readonly [number, number],
): Float32Array {
  const expected = [batch.length, classes, tile[1], tile[0]];
  if (result.dims.length === 4 && expected.every((n, axis) => n === result.dims[axis])) return result.data;
  throw new PipelineError(
    'model-invalid',
    'The network gives an output of another shape than its plan says.',
    {
      found: `[${result.dims.join(', ')}]`,
      expected: `[${expected.join(', ')}]: batch, classes, height, width`,
      advice: 'The model and its plan do not belong together: export the model again.',
    },
  );
}

/** Not a number is neither below nor above a threshold: it would become a label by the way a line is written. */
function assertNumbers({ liver }: SliceProbabilities, k: number): void {
  // The liver's holds the sum of both, so that one look finds either.
  const at = liver.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new PipelineError('model-invalid', 'The network gives probabilities that are not numbers.', {
    found: `${liver[at]} in slice ${k} of the prepared scan`,
    expected: 'probabilities from 0 to 1',
    advice: 'Its weights are damaged: take the model from its training again, or train it again.',
  });
}
