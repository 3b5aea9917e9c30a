import type { Geometry } from '@glisson/imaging/geometry/geometry';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { PostprocessPlan } from '../plan/plan.ts';
import type { CleaningFacts } from '../postprocess/clean-labels.ts';
import type { PreparedVolume, PreparePlan } from '../preprocess/prepare-volume.ts';
import type { TilePredictor } from './predict-slices.ts';
import type { TrainingScans } from './scan-checks.ts';
import type { SliceProbabilities } from './slice-stitcher.ts';

export type LabelThresholds = Pick<PostprocessPlan, 'liverThreshold' | 'lesionThreshold'>;

export interface PredictOptions {
  /** Threads of the engine; default: its own choice. */
  readonly threads?: number;
  /** Runs the network instead of the engine; stays open. */
  readonly predictor?: TilePredictor;
  /** Labels of the liver (anything but 0) on the prepared grid, if it is known. */
  readonly liver?: Uint8Array;
}

/** What segmenting a scan needs to know of a model, whoever made it. */
export interface ModelUse {
  readonly preparation: PreparePlan;
  readonly thresholds: LabelThresholds;
  readonly training: TrainingScans;
  /** Whether its numbers are probabilities; otherwise lesions have no confidence. */
  readonly hasProbabilities: boolean;
  /** Whether it finds the liver, and not lesions only. */
  readonly findsLiver: boolean;
  /** Whether it is meant to look nowhere but in a liver that it is told of. */
  readonly judgesLiverOnly: boolean;
  /** Hands probabilities to `onSlice`, slice by slice in rising order of k, on the prepared grid. */
  predict(
    prepared: PreparedVolume,
    onSlice: (k: number, probabilities: SliceProbabilities) => void,
    options: PredictOptions,
    control: TaskControl,
  ): Promise<void>;
  /**
   * Applies the plan's rules to labels in LPS order, in place.
   * @param liver labels of the liver (anything but 0) in the same order, if it is known
   */
  clean(labels: Uint8Array, geometry: Geometry, liver: Uint8Array | undefined): CleaningFacts;
}
