import type { EngineOptions } from '@glisson/nn/runtime/engine';
import { openForeignModel } from '@glisson/nn/runtime/open-foreign-model';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { ForeignModel } from '../loaded-model.ts';
import type { TilePredictor } from '../predict-slices.ts';
import { arrangeTiles, arrayPlaces } from './array-places.ts';
import { labelScores } from './label-scores.ts';

/**
 * Opens a foreign network so that it takes tiles as ours does, [N, channels, y, x], and gives [N, 2, y, x]: the
 * probability of liver without lesions, and of lesions.
 */
export async function openForeignPredictor(
  { onnx, structure, plan, ports, path }: ForeignModel,
  options: EngineOptions,
): Promise<TilePredictor & { close(): Promise<void> }> {
  const engine = await openForeignModel(onnx, structure, options);
  const channelsOut = plan.output.activation === 'labels' ? 1 : plan.output.labels.length;
  return {
    run: async (input, dims) => {
      const [items, channels, height, width] = dims as [number, number, number, number];
      const places = arrayPlaces(plan.input.layout, plan.input, items, channels, [width, height]);
      const data = arrangeTiles(input, [items, channels, height, width], places);
      const feeds = { [ports.input]: { data, dims: places.dims } };
      const outputs = await engine.send({ kind: 'run', feeds }, [data.buffer as ArrayBuffer]);
      const output = outputs[ports.output]!;
      const expected = arrayPlaces(plan.output.layout, plan.input, items, channelsOut, [width, height]);
      if (output.dims.join() !== expected.dims.join()) {
        throw new PipelineError(
          'model-invalid',
          'The network gives an output of another shape than its plan says.',
          {
            where: path,
            found: `[${output.dims.join(', ')}] for an input of [${places.dims.join(', ')}]`,
            expected: `[${expected.dims.join(', ')}], ${plan.output.layout}`,
            advice: 'Correct output.layout, output.labels, tile.size or tile.multipleOf.',
          },
        );
      }
      const scores = labelScores(output.data as Float32Array, plan.output, expected, [items, height, width]);
      return { data: scores, dims: [items, 2, height, width] };
    },
    close: () => engine.close(),
  };
}
