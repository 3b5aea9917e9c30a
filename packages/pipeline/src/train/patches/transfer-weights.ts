import { NetworkError } from '@glisson/nn/errors/network-error';
import { declarationsOf, statisticsOf } from '@glisson/nn/training/declarations';
import { namedWeights } from '@glisson/nn/training/named-weights';
import type { Weights } from '@glisson/nn/training/weights';
import { type ByteSource, fileSource, memorySource } from '@glisson/nn/weights/byte-source';
import { loadWeightsFrom } from '@glisson/nn/weights/mapping/load-weights';
import { openWeightFile } from '@glisson/nn/weights/open-weight-file';
import { writeSafetensors } from '@glisson/nn/weights/safetensors';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { patchNetwork } from '../../patches/patch-network.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';

/** First weights from a file, and what of it was used, for the log. */
export interface TransferredWeights {
  readonly weights: Weights;
  readonly origin: {
    readonly file: string;
    readonly sha256: string | null;
    /** Names of the network's arrays that came from the file; all others are drawn. */
    readonly loaded: readonly string[];
    readonly adapted: readonly { readonly name: string; readonly how: string }[];
    readonly drawn: readonly string[];
  };
}

/**
 * Reads the weights that the plan starts from; undefined when it starts from none.
 * @throws PipelineError `option-invalid` when the file cannot be read or is of another network
 */
export async function transferWeights(
  plan: Pick<PatchPlan, 'network' | 'training'>,
): Promise<TransferredWeights | undefined> {
  const { weights: file, sha256 } = plan.training.transfer;
  if (file === null) return undefined;
  const { patchSize } = plan.training;
  const network = patchNetwork(plan.network);
  const { parameters, norms } = declarationsOf(network, [1, network.inputChannels, patchSize, patchSize]);
  const wanted = [...parameters, ...statisticsOf(norms)];
  try {
    const opened = await openWeightFile(await weightSource(file));
    try {
      const { values, report } = await loadWeightsFrom(opened, wanted);
      const found = wanted.filter(({ name }) => Object.hasOwn(values, name));
      return {
        weights: Object.fromEntries(found.map(({ name, shape }) => [name, { shape, values: values[name]! }])),
        origin: {
          file,
          sha256,
          loaded: report.loaded.map(({ name }) => name),
          adapted: report.adapted.map(({ name, how }) => ({ name, how })),
          drawn: report.missing.map(({ name }) => name),
        },
      };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new PipelineError('option-invalid', 'The first weights cannot be used.', {
      where: file,
      found: error.message.replace(/\.$/, ''),
      expected: `weights of ${plan.network.family}`,
      advice: 'Give another file with training.transfer.weights, or none.',
      cause: error,
    });
  }
}

/** A file of weights as it is; a model that training wrote (model.onnx) as the weights that it carries. */
async function weightSource(file: string): Promise<ByteSource> {
  if (!file.toLowerCase().endsWith('.onnx')) return fileSource(file);
  const source = await fileSource(file);
  try {
    const arrays = namedWeights(await source.read(0, source.size));
    return memorySource(writeSafetensors({ arrays, metadata: {} }), file);
  } finally {
    await source.close();
  }
}
