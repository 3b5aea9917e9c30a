import { tileContext } from '@glisson/nn/dense/dense-tiles';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { createPredictor, type PredictorOptions } from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { denseScorer } from './dense-scorer.ts';
import type { DenseTrunk } from './dense-trunk.ts';
import { patchScorer } from './patch-scorer.ts';
import type { WindowScorer } from './window-scorer.ts';

type ScorerPlan = Pick<PatchPlan, 'network' | 'training' | 'inference'>;

/**
 * How the plan's windows will be judged: its mode, or `batched` where the network has no dense form and the plan allows it.
 * Needs no weights, so that training can ask before it starts.
 * @throws PipelineError `option-invalid` that names the layer which cannot be made dense
 */
export function scorerMode({ network, training, inference }: ScorerPlan): WindowScorer['mode'] {
  const { mode, whenNotDense, outputStride } = inference;
  if (mode !== 'dense') return mode;
  try {
    const { patchSize } = training;
    // Builds the dense form of one patch.
    tileContext(patchNetwork(network), { patchSize: [patchSize, patchSize], outputStride });
    return 'dense';
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    if (whenNotDense === 'batched') return 'batched';
    throw new PipelineError('option-invalid', 'The network cannot judge whole slices at once.', {
      found: error.message.replace(/\.$/, ''),
      expected: 'layers that have a form for whole images',
      advice:
        'Set inference.whenNotDense=batched to judge patches in batches instead, which takes much longer.',
      cause: error,
    });
  }
}

/**
 * Opens a trained classifier for the windows of slices, as the plan's inference says.
 * @param trunk of `dense`: keeps what layers that never change make of tiles; stays open
 */
export async function openWindowScorer(
  plan: ScorerPlan,
  weights: Weights,
  options: PredictorOptions = {},
  trunk?: DenseTrunk,
): Promise<WindowScorer> {
  const network = patchNetwork(plan.network);
  const { patchSize } = plan.training;
  const mode = scorerMode(plan);
  if (mode === 'dense') return denseScorer(network, weights, plan.inference.memoryMB * 1e6, options, trunk);
  const model = exportModel({
    network,
    weights,
    imageShape: [1, network.inputChannels, patchSize, patchSize],
  });
  const predictor = await createPredictor(model, options);
  return patchScorer(predictor, mode, mode === 'patches' ? 1 : plan.inference.batchSize);
}
