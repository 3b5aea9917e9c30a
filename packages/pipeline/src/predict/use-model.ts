import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import type { PostprocessPlan } from '../plan/plan.ts';
import { cleanLabels } from '../postprocess/clean-labels.ts';
import { foreignNetwork, foreignPreparation } from './foreign/foreign-network.ts';
import { openForeignPredictor } from './foreign/foreign-predictor.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ModelUse } from './model-use.ts';
import { patchModelUse } from './patches/patch-model-use.ts';
import { predictSlices, type TilePredictor } from './predict-slices.ts';
import { plannedNetwork, type SliceNetwork } from './slice-network.ts';

/** Values between air and bone that any CT of a body holds: what a foreign network's windows do not tell. */
const bodyWindowHU: readonly [number, number] = [-160, 240];

/**
 * How a model is applied to one scan.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 */
export function useModel(model: LoadedModel, lpsGeometry: Geometry): ModelUse {
  switch (model.kind) {
    case 'patch':
      return patchModelUse(model);
    case 'foreign': {
      const { plan, ports } = model;
      return {
        preparation: foreignPreparation(plan, lpsGeometry),
        training: { windowHU: bodyWindowHU, fingerprint: undefined },
        hasProbabilities: plan.output.activation !== 'labels',
        ...sliceUse(foreignNetwork(plan, ports), plan.postprocess, (options) =>
          openForeignPredictor(model, options),
        ),
      };
    }
    case 'trained': {
      const { plan, onnx } = model;
      return {
        preparation: plan.preprocess,
        training: { windowHU: plan.preprocess.windowHU, fingerprint: plan.fingerprint },
        hasProbabilities: true,
        ...sliceUse(plannedNetwork(plan), plan.postprocess, (options) => createPredictor(onnx, options)),
      };
    }
  }
}

type OpenPredictor = (options: {
  readonly threads?: number;
  readonly signal?: AbortSignal;
}) => Promise<TilePredictor & { close(): Promise<void> }>;

/** The part that all networks share that see slices in tiles and find the liver. */
function sliceUse(
  network: SliceNetwork,
  rules: PostprocessPlan,
  open: OpenPredictor,
): Pick<ModelUse, 'thresholds' | 'findsLiver' | 'judgesLiverOnly' | 'predict' | 'clean'> {
  return {
    thresholds: rules,
    findsLiver: true,
    judgesLiverOnly: false,
    clean: (labels, geometry) => cleanLabels(labels, geometry, rules),
    predict: async (prepared, onSlice, { threads, predictor }, control) => {
      if (predictor !== undefined) return predictSlices(prepared, network, predictor, onSlice, control);
      const opened = await open({ threads, signal: control.signal });
      try {
        await predictSlices(prepared, network, opened, onSlice, control);
      } finally {
        await opened.close();
      }
    },
  };
}
