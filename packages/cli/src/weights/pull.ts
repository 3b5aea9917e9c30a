import { NetworkError } from '@glisson/nn/errors/network-error';
import { weightsPath } from '@glisson/nn/weights/cache/cached-weights';
import { cachedName, pullWeights } from '@glisson/nn/weights/cache/pull-weights';
import { findSource, type WeightSource, weightSources } from '@glisson/nn/weights/registry';
import type { VerbContext, VerbResult } from '../verb.ts';
import { cannotDownload, noSuchWeights } from './weights-error.ts';
import { megabytes, weightsFolder } from './weights-folder.ts';

export interface PullWords {
  readonly only?: readonly string[];
  readonly from?: string;
  readonly force?: boolean;
}

/**
 * Downloads weights of the registry by name.
 * @param sources the registry, or that of a test
 * @throws WeightsError when there are none of that name, and when there is no way to them, with what to do by hand
 */
export async function pull(
  name: string,
  { only = [], from, force = false }: PullWords,
  { control, note }: Pick<VerbContext, 'control' | 'note'>,
  {
    sources = weightSources,
    folder = weightsFolder(),
  }: { sources?: readonly WeightSource[]; folder?: string } = {},
): Promise<VerbResult> {
  const source = findSource(name, sources);
  if (source === undefined) throw noSuchWeights(name, sources);
  try {
    const pulled = await pullWeights(source, { folder, only, url: from, force }, control);
    const { provenance, path, wasThere } = pulled;
    const lines = [
      `${wasThere ? 'Already there' : 'Wrote'}: ${path} (${megabytes(provenance.bytes)})`,
      `  network    ${source.network}, trained on ${source.trainedOn}`,
      `  licence    ${source.licence}`,
      ...provenance.checked.map((what, i) => `  ${i === 0 ? 'checked' : '       '}    ${what}`),
      `  cite       ${source.citation}`,
    ];
    return {
      json: { schema: 'glisson.weights-pull/1', path, wasThere, provenance, citation: source.citation },
      text: lines.join('\n'),
    };
  } catch (error) {
    if (control.signal?.aborted) {
      note('What has come is kept: the same command goes on from there.');
      throw error;
    }
    if (error instanceof NetworkError && (error.code === 'download-failed' || error.code === 'not-found')) {
      throw cannotDownload(source, from, weightsPath(folder, cachedName(source)), error);
    }
    throw error;
  }
}
