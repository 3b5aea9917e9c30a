import type { OnnxModel } from '@glisson/nn/onnx/onnx-model';
import type { ForeignPlan } from '../plan/foreign-plan.ts';
import type { PatchPlan } from '../plan/patch-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { ModelPorts } from './foreign/check-model.ts';

interface ModelFile {
  /** The ONNX model. */
  readonly onnx: Uint8Array;
  /** SHA-256 of the model file, hex. */
  readonly hash: string;
  /** SHA-256 of the plan, as training reports it: see `planHash`. */
  readonly planHash: string;
  /** The model file that was read. */
  readonly path: string;
}

/** A network that Glisson trained, with the plan that says how to use it. */
export interface TrainedModel extends ModelFile {
  readonly kind: 'trained';
  readonly plan: Plan;
}

/** A classifier of patches that Glisson trained: its weights lie in the model under their names. */
export interface PatchModel extends ModelFile {
  readonly kind: 'patch';
  readonly plan: PatchPlan;
}

/** A network of somebody else, with the plan file that says how to use it. */
export interface ForeignModel extends ModelFile {
  readonly kind: 'foreign';
  readonly plan: ForeignPlan;
  readonly planPath: string;
  readonly structure: OnnxModel;
  readonly ports: ModelPorts;
}

export type LoadedModel = TrainedModel | PatchModel | ForeignModel;
