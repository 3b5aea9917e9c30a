import { aFunction, count, either, isRecord, listOf, type Rule, recordOf } from '../options/rules.ts';

/** `PerAxis`, before it is known how many axes there are. */
export const perSpatialAxis: Rule = either(count, listOf('such for every spatial axis', count));

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);

export const anInitialiser: Rule = {
  expected: "an initialiser: { kind: 'normal', sd } or { kind: 'fill', value }",
  accepts: (value) =>
    isRecord(value) &&
    ((value.kind === 'normal' && isNumber(value.sd)) || (value.kind === 'fill' && isNumber(value.value))),
};

export const aLayer: Rule = { ...aFunction, expected: 'a layer: a function of a scope and a tensor' };

/** What `sequential` takes. */
export const someLayers: Rule = either(
  listOf('layers', aLayer),
  recordOf('an object of layers by name', aLayer),
);
