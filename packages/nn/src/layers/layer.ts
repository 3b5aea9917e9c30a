import type { Tensor } from '../graph/tensor.ts';
import { checkValue } from '../options/check-options.ts';
import { text } from '../options/rules.ts';
import { aLayer, someLayers } from './layer-rules.ts';
import type { Scope } from './scope.ts';

/**
 * A part of a network: how its output is built from its input. It holds no numbers; its parameters are asked of the
 * scope, under the names that torchvision gives them.
 */
export type Layer = (scope: Scope, x: Tensor) => Tensor;

/** A layer without parameters. */
export function pure(apply: (x: Tensor) => Tensor): Layer {
  return (_, x) => apply(x);
}

/**
 * Layers one after the other, each below its own name: a list is numbered from 0 as in torch.nn.Sequential, an object
 * gives names ('conv1', 'bn1', ...; names that are whole numbers come first, in their order).
 */
export function sequential(layers: readonly Layer[] | Readonly<Record<string, Layer>>): Layer {
  checkValue('sequential: layers', layers, someLayers);
  const named = Object.entries(layers);
  return (scope, x) => named.reduce((value, [name, layer]) => layer(scope.child(name), value), x);
}

/** Layers one after the other, all at the same place: for those that have no parameters or name their own parts. */
export function chain(...layers: readonly Layer[]): Layer {
  for (const [i, layer] of layers.entries()) checkValue(`chain: layer ${i}`, layer, aLayer);
  return (scope, x) => layers.reduce((value, layer) => layer(scope, value), x);
}

/** A layer whose parameters lie below `name`. */
export function below(name: string, layer: Layer): Layer {
  checkValue('below: name', name, text);
  checkValue('below: layer', layer, aLayer);
  return (scope, x) => layer(scope.child(name), x);
}
