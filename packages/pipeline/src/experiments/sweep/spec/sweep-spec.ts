import type { SamplerName } from '../samplers/samplers.ts';
import type { Dimension, Json } from '../space/dimension.ts';
import type { Space } from '../space/space.ts';
import type { Objective } from './spec-schema.ts';

export interface SweepRecipe {
  readonly recipe: string;
  /** Where its first weights come from, in words; undefined: not said. */
  readonly weights?: string;
  readonly set: Readonly<Record<string, Json>>;
}

/** Ends poor trials after epochs `minEpochs`, times `factor`, times `factor` again and so on. */
export interface Stopping {
  readonly minEpochs: number;
  readonly factor: number;
}

/** When no more trials are begun. */
export interface Budget {
  readonly trials?: number;
  readonly minutes?: number;
}

/** A sweep with every choice made. */
export interface SweepSpec {
  readonly name: string;
  readonly data: string;
  readonly split: { readonly validation: readonly string[]; readonly test: readonly string[] };
  /** By the label under which trials name them. */
  readonly recipes: Readonly<Record<string, SweepRecipe>>;
  readonly set: Readonly<Record<string, Json>>;
  readonly dimensions: readonly Dimension[];
  readonly sampler: {
    readonly name: SamplerName;
    readonly seed: number;
    readonly startup?: number;
    /** Trials that the design is laid out for; absent: open. */
    readonly size?: number;
  };
  readonly stopping: Stopping | null;
  readonly objective: Objective;
  readonly threads: number;
  readonly budget: Budget;
  /** Undefined: as many as the cores hold. */
  readonly workers?: number;
}

/** The space of a sweep. */
export function spaceOf({
  recipes,
  set,
  dimensions,
}: Pick<SweepSpec, 'recipes' | 'set' | 'dimensions'>): Space {
  const fixed = Object.fromEntries(
    Object.entries(recipes).map(([label, recipe]) => [label, { ...set, ...recipe.set }]),
  );
  return { dimensions, fixed, onlyRecipe: Object.keys(recipes)[0]! };
}
