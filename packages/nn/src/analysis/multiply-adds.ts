import { sizeOf } from '../graph/shape.ts';
import { type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { convolutionOperator, convolutionTransposeOperator } from '../operators/convolution.ts';
import { linearOperator } from '../operators/linear.ts';
import { matmulOperator } from '../operators/matmul.ts';
import { upConvolutionOperator } from '../operators/up-convolution.ts';

/** Multiply-adds of one operator of a graph; 0 for those that do no sums of products. */
export function multiplyAddsOf(tensor: Tensor): number {
  switch (tensor.operator.name) {
    case convolutionOperator.name:
      return convolutionMultiplyAdds(tensor);
    case convolutionTransposeOperator.name:
    case upConvolutionOperator.name:
      return spreadMultiplyAdds(tensor);
    case linearOperator.name:
    case matmulOperator.name:
      return sizeOf(tensor.shape) * tensor.inputs[0]!.shape.at(-1)!;
    default:
      return 0;
  }
}

/**
 * Multiply-adds of convolutions and matrix products on the way to `outputs`: what papers quote as MACs. Elementwise
 * operators and pools, a few percent of any network, are left out, as there.
 */
export function multiplyAdds(outputs: readonly Tensor[]): number {
  return topologicalOrder(outputs).reduce((sum, tensor) => sum + multiplyAddsOf(tensor), 0);
}

function convolutionMultiplyAdds(tensor: Tensor): number {
  const [, w] = tensor.inputs as [Tensor, Tensor];
  const [, inGroup, ...kernel] = w.shape as [number, number, ...number[]];
  return sizeOf(tensor.shape) * inGroup * sizeOf(kernel);
}

/** Every element of the image goes to the whole kernel of every result channel of its group. */
function spreadMultiplyAdds(tensor: Tensor): number {
  const [x, w] = tensor.inputs as [Tensor, Tensor];
  return sizeOf(x.shape) * sizeOf(w.shape.slice(1));
}
