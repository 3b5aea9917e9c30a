import { voxelCount, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { axisMapToLps } from '@glisson/imaging/process/reorient';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Finding } from '@glisson/imaging/volume/scan';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import { binOf, createHistogram } from './hu-histogram.ts';

/** What is remembered of a case once its voxels are let go. Axes are in LPS order. */
export interface CaseSummary {
  readonly id: string;
  readonly patient: string;
  readonly size: readonly [number, number, number];
  readonly spacingMm: readonly [number, number, number];
  readonly rangeHU: readonly [number, number];
  /** Counts of HU: all voxels, liver (lesions not counted), lesion; see `hu-histogram.ts`. */
  readonly histogram: Float64Array;
  readonly liverHistogram: Float64Array;
  readonly lesionHistogram: Float64Array;
  /** Liver with its lesions. */
  readonly liverVoxels: number;
  readonly lesionVoxels: number;
  readonly liverMl: number;
  readonly findings: readonly Finding[];
}

/**
 * Reads a labelled scan once. Labels are 0 background, 1 liver, 2 lesion, on the scan's grid.
 * @throws PipelineError `data-invalid` when a voxel is not a number or all voxels are equal
 */
export function summariseCase(
  id: string,
  patient: string,
  volume: Volume,
  labelmap: Labelmap,
  readFindings: readonly Finding[] = [],
): CaseSummary {
  const histograms = [createHistogram(), createHistogram(), createHistogram()] as const;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const { voxels } = volume;
  for (let i = 0; i < voxels.length; i++) {
    const hu = voxels[i]!;
    if (Number.isNaN(hu)) {
      throw new PipelineError('data-invalid', 'The scan holds voxels that are not numbers.', {
        where: id,
        found: `NaN at voxel ${i}`,
        expected: 'a CT number in every voxel',
        advice: 'Replace them in the source, for example by -1024 outside the body, or leave the case out.',
      });
    }
    if (hu < low) low = hu;
    if (hu > high) high = hu;
    histograms[labelmap.voxels[i]! as 0 | 1 | 2]![binOf(hu)]!++;
  }
  if (low === high) {
    throw new PipelineError('data-invalid', 'The scan shows nothing: all voxels are equal.', {
      where: id,
      found: `${low} HU everywhere`,
      expected: 'a CT scan',
      advice: 'Leave the case out, or read it again from its source.',
    });
  }
  const [, liver, lesion] = histograms;
  const sum = (histogram: Float64Array) => histogram.reduce((a, b) => a + b, 0);
  const lesionVoxels = sum(lesion);
  const liverVoxels = sum(liver) + lesionVoxels;
  const all = histograms[0].slice();
  for (let b = 0; b < all.length; b++) all[b]! += liver[b]! + lesion[b]!;
  const { perm } = axisMapToLps(volume.geometry);
  const inLps = (v: readonly [number, number, number]) => [v[perm[0]], v[perm[1]], v[perm[2]]] as const;
  const summary: CaseSummary = {
    id,
    patient,
    size: inLps(volume.geometry.size),
    spacingMm: inLps(volume.geometry.spacing),
    rangeHU: [low, high],
    histogram: all,
    liverHistogram: liver,
    lesionHistogram: lesion,
    liverVoxels,
    lesionVoxels,
    liverMl: (liverVoxels * voxelVolumeMm3(volume.geometry)) / 1000,
    findings: readFindings,
  };
  return { ...summary, findings: [...readFindings, ...findingsOf(summary, voxelCount(volume.geometry))] };
}

function findingsOf(summary: CaseSummary, voxels: number): Finding[] {
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: summary.id });
  const [low, high] = summary.rangeHU;
  if (summary.liverVoxels === 0) warn('no-liver-labelled', 'Neither liver nor lesion is labelled.');
  else if (summary.lesionVoxels === summary.liverVoxels)
    warn('no-liver-around-lesion', 'Lesions are labelled, but no liver around them.');
  else if (summary.lesionVoxels === 0) {
    findings.push({
      severity: 'info',
      code: 'no-lesion-labelled',
      message: 'No lesion is labelled: the case teaches what is no lesion.',
      where: summary.id,
    });
  }
  if (summary.liverVoxels > 0.5 * voxels)
    warn('labels-too-large', 'More than half of the scan is labelled as liver.');
  if (low >= 0 && high <= 255)
    warn('hu-range-odd', `Voxels range from ${low} to ${high}: grey levels of a picture rather than HU.`);
  else if (low < -2048 || high > 32767)
    warn('hu-range-odd', `Voxels range from ${low} to ${high} HU, beyond what CT measures.`);
  return findings;
}
