import type { Metrics } from '../../train/metrics.ts';
import { drawCurves } from './curves-svg.ts';
import { curveOf } from './run-curve.ts';

/** The picture that a run keeps of its own course: nothing in it depends on where the run lies. Same metrics, same bytes. */
export function runCurveSvg(
  metrics: readonly Metrics[],
  training: { readonly steps: number; readonly stepsPerEpoch: number },
): string {
  return drawCurves([curveOf('', metrics, training)], 'Training').svg;
}
