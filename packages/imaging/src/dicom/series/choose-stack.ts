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
  const ambiguous = (choices: readonly { series: Series; stack: Stack }[]) =>
    new ImagingError('value-invalid', 'There are several series that could be meant.', {
      where: path,
      found: listed(choices.map(name), 10),
      expected: 'one series',
      advice: 'Say which one by its Series Instance UID (`UID#2` for the second stack of a series).',
    });
  if (wanted !== undefined) {
    const exact = stacks.find(({ stack }) => stack.selector === wanted);
    const ofSeries = stacks.filter(({ series }) => series.seriesUid === wanted);
    const found = exact ?? ofSeries[0];
    if (found === undefined) {
      throw new ImagingError('not-found', 'There is no such series here.', {
        where: path,
        found: listed(stacks.map(name), 10),
        expected: `series ${wanted}`,
      });
    }
    if (exact === undefined) {
      const least = ambiguousShare * found.stack.planes.length;
      const rivals = ofSeries.filter((one) => one !== found && one.stack.planes.length > least);
      if (rivals.length > 0) throw ambiguous([found, ...rivals]);
    }
    if (found.stack.outcome.refusal !== undefined) throw found.stack.outcome.refusal;
    const siblings = ofSeries.filter((one) => one !== found);
    return { ...found, findings: leftOut(found, siblings, name, path) };
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
    throw ambiguous([largest, ...rivals]);
  }
  const others = stacks.filter((one) => one !== largest);
  return { ...largest, findings: leftOut(largest, others, name, path) };
}

/** Names what was not read; a warning when it is of the same series or could have been meant, too. */
function leftOut(
  chosen: { series: Series; stack: Stack },
  others: readonly { series: Series; stack: Stack }[],
  name: (one: { series: Series; stack: Stack }) => string,
  where: string,
): Finding[] {
  if (others.length === 0) return [];
  const matters = others.some(
    ({ series, stack }) =>
      !stack.isLocalizer &&
      (series === chosen.series ||
        (stack.outcome.layout !== undefined &&
          series.instances[0]!.modality === chosen.series.instances[0]!.modality)),
  );
  return [
    {
      severity: matters ? 'warning' : 'info',
      code: 'other-series',
      message: `Not read: ${listed(others.map(name), 6)}.`,
      where,
    },
  ];
}
