import type { Geometry } from '@glisson/imaging/geometry/geometry';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import { openPatchScan, type PatchScan } from '../patches/patch-scan.ts';
import { loadModel } from '../predict/load-model.ts';
import type { PatchModel } from '../predict/loaded-model.ts';
import { prepareLabels } from '../preprocess/prepare-labels.ts';
import { prepareVolume } from '../preprocess/prepare-volume.ts';
import { createSliceView, type SliceView } from '../report/slice-view.ts';

/**
 * A classifier of patches, by the path of its run or model file.
 * @throws PipelineError `option-invalid` for a model of another kind; as `loadModel`
 */
export async function loadPatchModel(path: string): Promise<PatchModel> {
  const model = await loadModel(path);
  if (model.kind === 'patch') return model;
  throw new PipelineError('option-invalid', 'This model does not judge windows.', {
    where: path,
    found: model.kind === 'foreign' ? 'a network of somebody else' : 'a network that segments',
    expected: 'a classifier of patches (a recipe that begins with patch-)',
  });
}

/** An axial scan as a classifier sees it. */
export interface ModelScan {
  readonly scan: PatchScan;
  /** The prepared grid. */
  readonly geometry: Geometry;
  /** Of the volume's own slices. */
  readonly view: SliceView;
  /** Labels of slice k of the prepared grid, if there are any. */
  labels(k: number): Uint8Array | undefined;
}

/**
 * Prepares a scan as the plan of a classifier says.
 * @param labels on the volume's grid; where the liver is, if the plan needs to know
 * @throws PipelineError `option-invalid` for a scan that is not axial; as `openPatchScan`
 */
export function openModelScan(
  volume: Volume,
  { plan }: Pick<PatchModel, 'plan'>,
  labels: Labelmap | undefined,
  control: TaskControl = {},
): ModelScan {
  const view = createSliceView(volume.geometry);
  if (view.plane !== 'axial') {
    throw new PipelineError('option-invalid', 'Classifiers of patches judge axial slices only.', {
      found: `a scan of ${view.plane} slices`,
      expected: 'a scan whose slices are axial',
    });
  }
  const { geometry, voxels } = prepareVolume(volume, plan.preprocess, control);
  const area = geometry.size[0] * geometry.size[1];
  const ofSlice = <T extends Uint8Array | Int16Array>(all: T, k: number) =>
    all.subarray(k * area, (k + 1) * area) as T;
  const prepared = labels && prepareLabels(labels, plan.preprocess);
  const source = { geometry, image: (k: number) => ofSlice(voxels, k) };
  const liver = prepared && ((k: number) => ofSlice(prepared, k));
  return {
    geometry,
    view,
    scan: openPatchScan(source, plan.preprocess, liver, { cacheBytes: 0 }),
    labels: (k) => prepared && ofSlice(prepared, k),
  };
}
