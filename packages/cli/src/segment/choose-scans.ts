import { basename } from 'node:path';
import type { FoundScan, FoundScans } from '@glisson/pipeline/inspect/find-scans';

/** Scans to segment, and what is passed over, with the reason. */
export interface ChosenScans {
  readonly scans: readonly FoundScan[];
  readonly skipped: readonly SkippedScan[];
}

export interface SkippedScan {
  readonly name: string;
  readonly reason: string;
}

const labelName = /(^|[-_. ])(segmentation|labels?|seg|mask|truth|prediction)([-_. ]|$)/i;

/**
 * Which of the scans below a path are meant when somebody says "segment this": CT volumes. Localisers,
 * stacks that are no volume, other modalities beside a CT, and files that are named as labels are not.
 */
export function chooseScans(found: FoundScans): ChosenScans {
  const skipped: SkippedScan[] = [];
  const readable = found.scans.filter((scan) => {
    const reason = whyNot(scan);
    if (reason !== undefined) skipped.push({ name: scan.name, reason });
    return reason === undefined;
  });
  const hasCt = readable.some((scan) => scan.series?.modality === 'CT');
  const scans = readable.filter((scan) => {
    const modality = scan.series?.modality;
    if (!hasCt || modality === undefined || modality === 'CT') return true;
    skipped.push({ name: scan.name, reason: `modality ${modality}, and there is a CT beside it` });
    return false;
  });
  return { scans, skipped };
}

function whyNot({ series, path, dataCase }: FoundScan): string | undefined {
  if (series?.isLocalizer) return 'a localiser';
  if (series?.refusal !== undefined) return series.refusal;
  if (series === undefined && dataCase === undefined && labelName.test(basename(path))) {
    return 'named like labels, not like a scan';
  }
  return undefined;
}
