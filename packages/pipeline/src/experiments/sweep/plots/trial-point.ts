import type { Setting } from '../space/dimension.ts';

/** A trial in a plot. */
export interface TrialPoint {
  readonly trial: number;
  readonly objective: number;
  readonly isStopped: boolean;
  readonly isWinner: boolean;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** Lowest and highest of the objectives, some room apart. */
export function objectiveRange(points: readonly TrialPoint[]): readonly [number, number] {
  const values = points.map(({ objective }) => objective);
  const low = Math.min(...values);
  const high = Math.max(...values);
  return high - low < 1e-6 ? [low - 0.05, high + 0.05] : [low, high];
}
