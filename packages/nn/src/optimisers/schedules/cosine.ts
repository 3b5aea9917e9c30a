export interface CosineOptions {
  readonly name: 'cosine';
  /** Steps of the whole training. */
  readonly steps: number;
  /** What is left at the end; default 0. */
  readonly lowest?: number;
}

/** Half a cosine from 1 down to `lowest` (Loshchilov and Hutter, SGDR, 2017). */
export function cosine({ lowest = 0 }: CosineOptions, progress: number): number {
  return lowest + (1 - lowest) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
