import type { Tensor } from '../graph/tensor.ts';
import { sigmoid } from '../operators/activations.ts';
import { softmax } from '../operators/softmax.ts';
import { checkValue } from '../options/check-options.ts';
import { oneOf } from '../options/rules.ts';

/** How logits [N, classes, ...] become probabilities: of classes that exclude each other, or each by itself. */
export type Activation = 'softmax' | 'sigmoid' | 'none';

export const anActivation = oneOf('softmax', 'sigmoid', 'none');

/** What becomes of a network's logits [N, classes, ...S] in an exported model. */
export function activate(logits: Tensor, activation: Activation): Tensor {
  checkValue('activation', activation, anActivation);
  switch (activation) {
    case 'softmax':
      return softmax(logits, 1);
    case 'sigmoid':
      return sigmoid(logits);
    case 'none':
      return logits;
  }
}
