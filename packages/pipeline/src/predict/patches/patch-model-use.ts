import { namedWeights } from '@glisson/nn/training/named-weights';
import { cleanPatchLabels } from '../../postprocess/clean-patch-labels.ts';
import type { PatchModel } from '../loaded-model.ts';
import { parseModel } from '../model-files.ts';
import type { ModelUse } from '../model-use.ts';
import { openWindowScorer } from './open-scorer.ts';
import { predictPatches } from './predict-patches.ts';

/** How a classifier of patches is applied to scans. */
export function patchModelUse({ plan, onnx, path }: PatchModel): ModelUse {
  const { preprocess, postprocess } = plan;
  const { lesionThreshold } = postprocess;
  return {
    preparation: preprocess,
    training: { windowHU: preprocess.windowHU, fingerprint: plan.fingerprint },
    hasProbabilities: true,
    findsLiver: false,
    judgesLiverOnly: plan.inference.mask === 'liver',
    // Outside of a known liver p(liver) is p(lesion): see `predictPatches`.
    thresholds: { liverThreshold: lesionThreshold, lesionThreshold },
    clean: (labels, geometry, liver) => cleanPatchLabels(labels, geometry, postprocess, liver),
    predict: async (prepared, onSlice, { threads, liver }, control) => {
      const area = prepared.geometry.size[0] * prepared.geometry.size[1];
      const weights = parseModel(path, onnx, namedWeights);
      const scorer = await openWindowScorer(plan, weights, { threads, signal: control.signal });
      try {
        const slices = liver && ((k: number) => liver.subarray(k * area, (k + 1) * area));
        await predictPatches(prepared, plan, scorer, slices, onSlice, control);
      } finally {
        await scorer.close();
      }
    },
  };
}
