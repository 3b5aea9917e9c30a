import { type Shape, sizeOf } from '../graph/shape.ts';

/** A dropout of the training graph: its mask is an input. */
export interface MaskInput {
  readonly name: string;
  readonly shape: Shape;
  readonly rate: number;
}

/** What tells one run of the graph from all others. */
export interface MaskKey {
  readonly seed: number;
  /** Of this step, counted from 1. */
  readonly step: number;
  /** Within the step, counted from 0. */
  readonly microBatch: number;
}

/**
 * The mask of dropout number `layer`: 0 with probability `rate`, else 1 / (1 - rate). Each element depends on its key
 * and place only, so that a run that was saved and continued has the masks of one that was not.
 */
export function dropoutMask(key: MaskKey, layer: number, { shape, rate }: MaskInput): Float32Array {
  const { seed, step, microBatch } = key;
  let [a, b] = [0x6a09e667, 0xbb67ae85];
  for (const word of [seed, seed / 2 ** 32, step, step / 2 ** 32, microBatch, layer]) {
    a = scramble(a ^ Math.floor(word));
    b = scramble(b + a);
  }
  const limit = rate * 2 ** 32;
  const kept = 1 / (1 - rate);
  const mask = new Float32Array(sizeOf(shape));
  for (let i = 0; i < mask.length; i++) {
    if (scramble(scramble(i ^ a) + b) >>> 0 >= limit) mask[i] = kept;
  }
  return mask;
}

/** A bijection of 32-bit integers in which every bit of x moves every other (triple32 of Chris Wellons' search). */
function scramble(x: number): number {
  let y = x ^ (x >>> 17);
  y = Math.imul(y, 0xed5ad4bb);
  y ^= y >>> 11;
  y = Math.imul(y, 0xac4c1b51);
  y ^= y >>> 15;
  y = Math.imul(y, 0x31848bab);
  return y ^ (y >>> 14);
}
