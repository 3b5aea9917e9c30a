import { gridSampler } from './grid.ts';
import { latinHypercubeSampler } from './latin-hypercube.ts';
import { randomSampler } from './random.ts';
import type { Sampler } from './sampler.ts';
import { tpeSampler } from './tpe.ts';

export const samplerNames = ['grid', 'random', 'latin-hypercube', 'tpe'] as const;

export type SamplerName = (typeof samplerNames)[number];

/** @param startup of tpe: trials that are drawn at random first */
export function samplerOf(name: SamplerName, startup?: number): Sampler {
  const samplers: Record<SamplerName, Sampler> = {
    grid: gridSampler,
    random: randomSampler,
    'latin-hypercube': latinHypercubeSampler,
    tpe: tpeSampler(startup),
  };
  return samplers[name];
}
