import { checkValue } from '../options/check-options.ts';
import { concatChannels } from './crop.ts';
import type { Layer } from './layer.ts';
import { aLayer } from './layer-rules.ts';

/**
 * The channels of x followed by those of layer(x) (Huang, Liu, van der Maaten and Weinberger, 2017); x is cropped to
 * the middle where convolutions without padding have made the layer's result smaller.
 */
export function dense(layer: Layer): Layer {
  checkValue('dense: layer', layer, aLayer);
  return (scope, x) => concatChannels([x, layer(scope, x)]);
}
