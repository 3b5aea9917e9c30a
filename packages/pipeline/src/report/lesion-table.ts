import type { Lesion, LesionMeasures } from '../measure/measure-lesions.ts';
import type { SegmentationWarning } from '../predict/segmentation.ts';

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** A lesion as it is written: rounded to what a CT can tell. */
function lesionRow(lesion: Lesion) {
  return {
    id: lesion.id,
    volumeMl: round(lesion.volumeMl, 4),
    longestDiameterMm: round(lesion.longestDiameterMm, 2),
    meanHU: round(lesion.meanHU, 2),
    sdHU: round(lesion.sdHU, 2),
    centroidLps: lesion.centroidLps.map((mm) => round(mm, 2)),
    firstSlice: lesion.slices[0],
    lastSlice: lesion.slices[1],
    diameterSlice: lesion.diameter.slice,
    confidence: lesion.confidence === null ? null : round(lesion.confidence, 4),
    voxels: lesion.voxels,
  };
}

/** Text of `lesions.json`. */
export function lesionsJson(measures: LesionMeasures, warnings: readonly SegmentationWarning[]): string {
  const content = {
    schema: 'glisson.lesions/1',
    notice: 'Research use only, not a medical device.',
    definitions: {
      lesion: 'voxels of label 2 that touch over faces, edges or corners; largest first',
      longestDiameterMm: 'largest distance between outer corners of pixels within one source slice',
      sdHU: 'standard deviation of all voxels, divided by n',
      centroidLps: 'centre of mass in patient coordinates, mm: left, posterior, superior',
      slices: 'numbers of the files in masks/',
      confidence: 'mean lesion probability of its voxels according to the network',
      liverMl: 'liver with its lesions',
      tumourBurden: 'lesion volume / liver volume',
    },
    liverMl: round(measures.liverMl, 3),
    lesionMl: round(measures.lesionMl, 4),
    tumourBurden: round(measures.tumourBurden, 6),
    lesions: measures.lesions.map(lesionRow),
    warnings,
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

const columns = [
  'id',
  'volume_ml',
  'longest_diameter_mm',
  'mean_hu',
  'sd_hu',
  'centroid_l_mm',
  'centroid_p_mm',
  'centroid_s_mm',
  'first_slice',
  'last_slice',
  'diameter_slice',
  'confidence',
] as const;

/** Text of `lesions.csv` (RFC 4180, numbers with a point): a header and one line a lesion. */
export function lesionsCsv(measures: LesionMeasures): string {
  const lines = measures.lesions
    .map(lesionRow)
    .map((row) => [
      row.id,
      row.volumeMl,
      row.longestDiameterMm,
      row.meanHU,
      row.sdHU,
      ...row.centroidLps,
      row.firstSlice,
      row.lastSlice,
      row.diameterSlice,
      row.confidence ?? '',
    ]);
  return `${[columns, ...lines].map((line) => line.join(',')).join('\r\n')}\r\n`;
}
