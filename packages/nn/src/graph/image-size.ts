/** Which spatial sizes of images a network takes: the smallest one, or more in steps of the divisor. */
export interface ImageSizeRule {
  /** Outermost axis first. */
  readonly smallestSize: readonly number[];
  readonly divisor: number;
}

/** Whether images of a spatial size fit. */
export function sizeFits(size: readonly number[], { smallestSize, divisor }: ImageSizeRule): boolean {
  return (
    size.length === smallestSize.length &&
    size.every((length, axis) => {
      const rest = length - smallestSize[axis]!;
      return rest >= 0 && rest % divisor === 0;
    })
  );
}

/** The smallest size that fits and holds `size`, for advice. */
export function nextSize(size: readonly number[], { smallestSize, divisor }: ImageSizeRule): number[] {
  return smallestSize.map((smallest, axis) => {
    const steps = Math.max(0, Math.ceil((size[axis]! - smallest) / divisor));
    return smallest + steps * divisor;
  });
}

/** 'divisible by 16', 'from 60 x 60 on, in steps of 8'. */
export function describeSizes({ smallestSize, divisor }: ImageSizeRule): string {
  const divides = divisor > 1 && smallestSize.every((length) => length === divisor);
  if (divides) return `divisible by ${divisor}`;
  return `from ${smallestSize.join(' x ')} on${divisor === 1 ? '' : `, in steps of ${divisor}`}`;
}

const smallestKey = 'glisson.smallestSize';
const divisorKey = 'glisson.divisor';

/** How a model of open size carries the rule: entries of its metadata. */
export function sizeMetadata({ smallestSize, divisor }: ImageSizeRule): Record<string, string> {
  return { [smallestKey]: JSON.stringify(smallestSize), [divisorKey]: String(divisor) };
}

/** The rule in a model's metadata; undefined where there is none, as in models of others. */
export function readSizeMetadata(metadata: Readonly<Record<string, string>>): ImageSizeRule | undefined {
  const numbers = /^\[(\d+(?:,\d+)*)\]$/.exec(metadata[smallestKey] ?? '');
  const divisor = Number(metadata[divisorKey] ?? Number.NaN);
  if (numbers === null || !Number.isSafeInteger(divisor) || divisor < 1) return undefined;
  return { smallestSize: numbers[1]!.split(',').map(Number), divisor };
}
