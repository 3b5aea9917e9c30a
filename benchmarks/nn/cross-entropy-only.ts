import { sizeOf } from '@glisson/nn/graph/shape';
import { constant, scalar } from '@glisson/nn/graph/tensor';
import { cast, div, equal, mul, neg } from '@glisson/nn/operators/elementwise';
import { reshape } from '@glisson/nn/operators/layout';
import { reduceSum } from '@glisson/nn/operators/reduce';
import { logSoftmax } from '@glisson/nn/operators/softmax';
import type { TrainingLoss } from '@glisson/nn/training/loss';

/** Plain cross-entropy, as PyTorch's side has it: nothing else is computed or reported. */
export const crossEntropyOnly: TrainingLoss = {
  targets: ([n, , ...size]) => ({ shape: [n!, ...size], type: 'uint8' }),
  build: (logits, targets) => {
    const [n, classes, ...size] = logits.shape as [number, number, ...number[]];
    const numbers = constant([...Array(classes).keys()], [classes, ...size.map(() => 1)]);
    const truth = cast(equal(reshape(cast(targets, 'float32'), [n, 1, ...size]), numbers), 'float32');
    const sum = reduceSum(mul(truth, logSoftmax(logits, 1)));
    return { loss: div(neg(sum), scalar(n * sizeOf(size))), parts: {} };
  },
};
