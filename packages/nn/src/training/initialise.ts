import type { NetworkLayout } from './layout.ts';

/** The source of randomness that a caller passes in: standard normal numbers, the same for the same seed. */
export interface NormalSource {
  normal(): number;
}

/** First values of all parameters, drawn in the order of the layout. */
export function initialParameters(layout: NetworkLayout, random: NormalSource): Float32Array {
  const values = new Float32Array(layout.parameterCount);
  for (const { offset, size, spec } of layout.parameters) {
    const { initialiser } = spec;
    for (let i = offset; i < offset + size; i++) {
      values[i] = initialiser.kind === 'fill' ? initialiser.value : initialiser.sd * random.normal();
    }
  }
  return values;
}

/** Running means 0, running variances 1. */
export function initialStatistics(layout: NetworkLayout): Float32Array {
  const values = new Float32Array(layout.statisticCount);
  for (const { name, offset, size } of layout.statistics) {
    if (name.endsWith('.running_var')) values.fill(1, offset, offset + size);
  }
  return values;
}
