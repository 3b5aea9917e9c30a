import { compareEvaluation, type EvaluationComparison } from '@glisson/nn/analysis/compare-evaluation';
import { describeNetwork, type NetworkAnalysis } from '@glisson/nn/analysis/describe-network';
import type { Network } from '@glisson/nn/models/network';
import { PipelineError } from '../errors/pipeline-error.ts';
import { patchNetwork } from '../patches/patch-network.ts';
import { unetNetwork } from '../plan/unet-network.ts';
import { loadModel } from '../predict/load-model.ts';
import { type NetworkChoices, namedNetwork, networkNames, usualPatch } from './named-network.ts';

export interface ExplainNetworkOptions extends NetworkChoices {
  /** Side of a patch, or of a tile of a network that segments; default: what the network is meant for. */
  readonly patch?: number;
  /** Side of the slices, before they are padded by half a patch. Default 512. */
  readonly slice?: number;
  /** Pixels from window to window. Default 8, or what the model was trained for. */
  readonly stride?: number;
}

export interface NetworkExplanation {
  /** As it was asked for. */
  readonly source: string;
  readonly analysis: NetworkAnalysis;
  /** Of classifiers: all windows of a slice, one by one and all at once. */
  readonly windows: EvaluationComparison | null;
}

/**
 * Layers, receptive fields and cost of a network: a known one by name, or that of a trained model.
 * @throws PipelineError `option-invalid` for a name that is none, a patch that the network does not take or a stride that is
 * none; `model-invalid` as `loadModel`
 */
export async function explainNetwork(
  source: string,
  options: ExplainNetworkOptions = {},
): Promise<NetworkExplanation> {
  const { slice = 512, patch: wanted, ...choices } = options;
  const found = namedNetwork(source, choices);
  const meant =
    found === undefined
      ? await trainedNetwork(source)
      : { network: found, patch: usualPatch(found), stride: 8 };
  const { network } = meant;
  const patch = wanted ?? meant.patch;
  const stride = options.stride ?? meant.stride;
  const rest = network.smallestSize.map((length) => patch - length);
  if (rest.some((more) => more < 0 || more % network.divisor !== 0)) {
    throw new PipelineError('option-invalid', 'The network does not take images of this size.', {
      where: source,
      found: `${patch} x ${patch} pixels`,
      expected: `${network.smallestSize.join(' x ')} or more${network.divisor > 1 ? `, in steps of ${network.divisor}` : ''}`,
      advice: 'Give another size with --patch.',
    });
  }
  const size = network.smallestSize.map(() => patch);
  const padded = slice + 2 * Math.floor(patch / 2);
  return {
    source,
    analysis: describeNetwork(network, size),
    windows:
      network.task === 'classification'
        ? compareEvaluation(network, {
            patchSize: size,
            outputStride: stride,
            imageSize: size.map(() => padded),
          })
        : null,
  };
}

interface MeantNetwork {
  readonly network: Network;
  readonly patch: number;
  readonly stride: number;
}

async function trainedNetwork(source: string): Promise<MeantNetwork> {
  const model = await loadModel(source).catch((error: unknown) => {
    if (!(error instanceof PipelineError) || !/is not there/.test(error.message)) throw error;
    throw new PipelineError('option-invalid', 'There is neither a network of this name nor such a model.', {
      found: source,
      expected: `${networkNames.join(', ')}, or a RUN folder or its model.onnx`,
      cause: error,
    });
  });
  if (model.kind === 'foreign') {
    throw new PipelineError('option-invalid', 'Only networks that Glisson has built can be explained.', {
      found: `${source}, a network of somebody else`,
      expected: `a model that glisson train wrote, or one of ${networkNames.join(', ')}`,
    });
  }
  if (model.kind === 'patch') {
    const { network, training, inference } = model.plan;
    return { network: patchNetwork(network), patch: training.patchSize, stride: inference.outputStride };
  }
  return { network: unetNetwork(model.plan.network), patch: model.plan.training.patchSize[0], stride: 8 };
}
