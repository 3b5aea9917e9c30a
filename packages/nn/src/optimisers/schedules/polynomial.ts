export interface PolynomialOptions {
  readonly name: 'polynomial';
  /** Steps of the whole training. */
  readonly steps: number;
  /** Default 0.9, as in nnU-Net. */
  readonly power?: number;
}

/** (1 - progress)^power: 0 at the end. */
export function polynomial({ power = 0.9 }: PolynomialOptions, progress: number): number {
  return (1 - progress) ** power;
}
