import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import type { PostprocessPlan } from '../plan/plan.ts';
import type { PreparePlan } from '../preprocess/prepare-volume.ts';
import { foreignNetwork, foreignPreparation } from './foreign/foreign-network.ts';
import { openForeignPredictor } from './foreign/foreign-predictor.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { TilePredictor } from './predict-slices.ts';
import type { TrainingScans } from './scan-checks.ts';
import { plannedNetwork, type SliceNetwork } from './slice-network.ts';

/** What segmenting a scan needs to know of a model, whoever made it. */
export interface ModelUse {
  readonly preparation: PreparePlan;
  readonly network: SliceNetwork;
  readonly rules: PostprocessPlan;
  readonly training: TrainingScans;
  /** Whether its numbers are probabilities; otherwise lesions have no confidence. */
  readonly hasProbabilities: boolean;
  open(options: {
    readonly threads?: number;
    readonly signal?: AbortSignal;
  }): Promise<TilePredictor & { close(): Promise<void> }>;
}

/** Values between air and bone that any CT of a body holds: what a foreign network's windows do not tell. */
const bodyWindowHU: readonly [number, number] = [-160, 240];

/**
 * How a model is applied to one scan.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 */
export function modelUse(model: LoadedModel, lpsGeometry: Geometry): ModelUse {
  if (model.kind === 'foreign') {
    const { plan, ports } = model;
    return {
      preparation: foreignPreparation(plan, lpsGeometry),
      network: foreignNetwork(plan, ports),
      rules: plan.postprocess,
      training: { windowHU: bodyWindowHU, fingerprint: undefined },
      hasProbabilities: plan.output.activation !== 'labels',
      open: (options) => openForeignPredictor(model, options),
    };
  }
  const { plan, onnx } = model;
  return {
    preparation: plan.preprocess,
    network: plannedNetwork(plan),
    rules: plan.postprocess,
    training: { windowHU: plan.preprocess.windowHU, fingerprint: plan.fingerprint },
    hasProbabilities: true,
    open: (options) => createPredictor(onnx, options),
  };
}
