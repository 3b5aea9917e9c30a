import { ImagingError } from '../../errors/imaging-error.ts';
import type { Finding } from '../../volume/scan.ts';
import type { Series, Stack } from './group-stacks.ts';
import type { SeriesDetails } from './instance.ts';
import { listed } from './stack-findings.ts';

export interface Choice {
  readonly series: Series;
  readonly stack: Stack;
  readonly findings: readonly Finding[];
}

/** Another stack of more than this share of the chosen one's slices makes a choice a guess. */
const ambiguousShare = 0.25;

/**
 * The stack to read: the one asked for; else the only CT volume, or the one that dwarfs all others (a monitoring
 * series, a localiser). Else another modality's only volume. Two that are alike are not guessed between.
 * @throws ImagingError `not-an-image` when there is nothing, `not-found` when the wanted one is not there,
 * `value-invalid` when the choice is the caller's, or the reason why the only stack is no volume
 */
export function chooseStack(
  all: readonly Series[],
  wanted: string | undefined,
  path: string,
  describe: (series: Series) => SeriesDetails | undefined,
): Choice {
  const stacks = all.flatMap((series) => series.stacks.map((stack) => ({ series, stack })));
  const name = ({ series, stack }: { series: Series; stack: Stack }) => {
    const text = describe(series)?.seriesDescription;
    const parts = [
      `${stack.planes.length} image${stack.planes.length > 1 ? 's' : ''}`,
      series.instances[0]!.modality,
      stack.isLocalizer ? 'localiser' : undefined,
      text && `"${text}"`,
      stack.difference,
      stack.outcome.refusal && 'no volume',
    ];
    return `${stack.selector} (${parts.filter(Boolean).join(', ')})`;
  };
  if (wanted !== undefined) {
    const found = stacks.find(({ stack }) => stack.selector === wanted);
    if (found === undefined) {
      throw new ImagingError('not-found', 'There is no such series here.', {
        where: path,
        found: listed(stacks.map(name), 10),
        expected: `series ${wanted}`,
      });
    }
    if (found.stack.outcome.refusal !== undefined) throw found.stack.outcome.refusal;
    const siblings = found.series.stacks.filter((stack) => stack !== found.stack);
    return {
      ...found,
      findings:
        siblings.length > 0
          ? [
              leftOut(
                siblings.map((stack) => name({ ...found, stack })),
                path,
              ),
            ]
          : [],
    };
  }
  const isImage = ({ stack }: { stack: Stack }) =>
    !stack.isLocalizer && stack.planes[0]!.instance.pixels.samples === 1;
  const images = stacks.filter(isImage);
  const volumes = images.filter(({ stack }) => stack.outcome.layout !== undefined);
  const ct = volumes.filter(({ series }) => series.instances[0]!.modality === 'CT');
  const candidates = ct.length > 0 ? ct : volumes;
  const largest = [...candidates].sort((a, b) => b.stack.planes.length - a.stack.planes.length)[0];
  // A refused stack can be the scan that was meant: a small sound one must not be taken in its place.
  const refused = [...images]
    .filter(
      ({ stack, series }) =>
        stack.outcome.refusal !== undefined && (ct.length === 0 || series.instances[0]!.modality === 'CT'),
    )
    .sort((a, b) => b.stack.planes.length - a.stack.planes.length)[0];
  if (largest === undefined) {
    if (refused !== undefined) throw refused.stack.outcome.refusal;
    throw new ImagingError('not-an-image', 'There is no scan here.', {
      where: path,
      found: stacks.length > 0 ? `only ${listed(stacks.map(name), 5)}` : 'no DICOM images',
      expected: 'a series of CT slices',
      advice: 'Run `glisson inspect` on it to see what it holds.',
    });
  }
  const size = largest.stack.planes.length;
  const rivals = candidates.filter(
    (one) => one !== largest && one.stack.planes.length > ambiguousShare * size,
  );
  if (refused !== undefined && refused.stack.planes.length > size) rivals.push(refused);
  if (rivals.length > 0) {
    throw new ImagingError('value-invalid', 'There are several series that could be meant.', {
      where: path,
      found: listed([largest, ...rivals].map(name), 10),
      expected: 'one series',
      advice:
        'Say which one by its Series Instance UID (`--series UID`, or `UID#2` for a second stack in a series).',
    });
  }
  const others = stacks.filter((one) => one !== largest);
  return { ...largest, findings: others.length > 0 ? [leftOut(others.map(name), path)] : [] };
}

function leftOut(names: readonly string[], where: string): Finding {
  return {
    severity: 'info',
    code: 'other-series',
    message: `Not read: ${listed(names, 6)}.`,
    where,
  };
}
