import type { HeatMethod } from '@glisson/pipeline/explain/explain-patch';

/** Values of the options of `glisson explain`, for all that it explains. */
export interface ExplainOptions {
  readonly patch?: number;
  readonly stride?: number;
  readonly slice?: number;
  readonly slices?: readonly number[];
  readonly blocks: readonly [number, number];
  readonly labels?: string;
  readonly model?: string;
  readonly window?: { readonly low: number; readonly high: number };
  readonly out?: string;
  readonly force?: boolean;
  readonly head?: 'pooled' | 'fc';
  readonly padding?: 'same' | 'valid';
  readonly side?: number;
  readonly at?: readonly [number, number, number];
  readonly method?: HeatMethod;
  readonly cover?: number;
  readonly threshold?: number;
}
