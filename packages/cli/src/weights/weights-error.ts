import type { Explanation } from '@glisson/imaging/errors/imaging-error';
import type { NetworkError } from '@glisson/nn/errors/network-error';
import type { WeightSource } from '@glisson/nn/weights/registry';
import { megabytes } from './weights-folder.ts';

/** What went wrong with weights, in the parts that the command prints. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code: 'not-found' | 'download-failed';
  readonly explanation: Explanation;

  constructor(code: WeightsError['code'], message: string, explanation: Explanation) {
    super(message, { cause: explanation.cause });
    this.code = code;
    this.explanation = explanation;
  }
}

export function noSuchWeights(name: string, sources: readonly WeightSource[]): WeightsError {
  const near = sources.find((source) => source.network === name || source.name.startsWith(name));
  return new WeightsError('not-found', `There are no weights called '${name}' to pull.`, {
    expected: sources.map((source) => source.name).join(', '),
    advice:
      near === undefined
        ? 'Other weights can be downloaded by hand and taken in with: glisson weights import FILE'
        : `Did you mean ${near.name}?`,
  });
}

/** There is no way to the file: how a person brings it. @param target where an import puts it */
export function cannotDownload(
  source: WeightSource,
  from: string | undefined,
  target: string,
  cause: NetworkError,
): WeightsError {
  return new WeightsError(
    cause.code as WeightsError['code'],
    `The weights ${source.name} could not be downloaded.`,
    {
      where: from ?? source.url,
      found: cause.message,
      advice: [
        'What has come, if anything, is kept: the same command goes on from there. Or bring the file by hand:',
        `  1. On a machine with network, download ${source.url} (${megabytes(source.approximateBytes)}).`,
        '  2. Copy it to any folder of this machine.',
        '  3. Run: glisson weights import FILE',
        `  The import checks its SHA-256 (${source.sha256}) and keeps it as ${target}`,
      ].join('\n'),
      cause,
    },
  );
}
