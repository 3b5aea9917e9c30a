import {
  aFunction,
  count,
  listOf,
  objectWith,
  type Rule,
  recordOf,
  wholeFromZero,
} from '../options/rules.ts';

/** [N, C, ...S] of a batch. */
export const anImageShape: Rule = {
  expected: 'a shape [N, C, H, W] or [N, C, D, H, W] of positive whole numbers',
  accepts: (value) => Array.isArray(value) && value.length >= 3 && value.every(count.accepts),
};

export const aNormalSource = objectWith('a source of normal numbers, as seededNormals(1) gives', {
  normal: aFunction,
});

const anArray = objectWith('', {
  shape: listOf('', wholeFromZero),
  values: { expected: '', accepts: (value) => value instanceof Float32Array },
});

/** `Weights` */
export const someWeights = recordOf('arrays by name, each { shape, values: Float32Array }', anArray);

/** `TrainerState`, before its parts are looked at. */
export const aState = objectWith('a state, as snapshot() and parseState give', { arrays: someWeights });
