import type { Predictor } from '@glisson/nn/runtime/predictor';
import { cutPatch } from '../../patches/cut-patch.ts';
import type { WindowScorer } from './window-scorer.ts';

/**
 * Judges windows as training saw them: every wanted patch is cut and goes through the classifier, `batchSize` at a time.
 * @param predictor of patches [N, C, size, size] to probabilities [N, 2]; closed with the scorer
 */
export function patchScorer(
  predictor: Predictor,
  mode: 'patches' | 'batched',
  batchSize: number,
): WindowScorer {
  return {
    mode,
    close: () => predictor.close(),
    score: async (image, { stride, columns, patchSize }, wanted) => {
      const scores = new Float32Array(wanted.length);
      const windows: number[] = [];
      for (let w = 0; w < wanted.length; w++) if (wanted[w] === 1) windows.push(w);
      const channels = image.data.length / (image.width * image.height);
      const length = channels * patchSize * patchSize;
      for (let begin = 0; begin < windows.length; begin += batchSize) {
        const batch = windows.slice(begin, begin + batchSize);
        const patches = new Float32Array(batch.length * length);
        for (const [n, w] of batch.entries()) {
          const centre = [(w % columns) * stride, Math.floor(w / columns) * stride] as const;
          cutPatch(image, centre, patchSize, patches, n * length);
        }
        const { data } = await predictor.run(patches, [batch.length, channels, patchSize, patchSize]);
        for (const [n, w] of batch.entries()) scores[w] = data[2 * n + 1]!;
      }
      return scores;
    },
  };
}
