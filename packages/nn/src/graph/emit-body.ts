import { NetworkError } from '../errors/network-error.ts';
import {
  type ConstantAttributes,
  constantOperator,
  input,
  type OnnxEmitter,
  type Tensor,
  type TensorType,
  topologicalOrder,
} from './tensor.ts';

/**
 * Writes what `build` makes of values of `types` (called `names` in the ONNX graph) in place of a single node, for
 * operators that are best written as graphs of others. Of constants, it writes scalars only.
 */
export function emitBody(
  onnx: OnnxEmitter,
  types: readonly TensorType[],
  names: readonly string[],
  build: (...inputs: Tensor[]) => Tensor,
): string {
  const inputs = types.map(({ shape, type }, index) => input(`input${index}`, shape, type));
  const known = new Map(inputs.map((tensor, index) => [tensor, names[index]!]));
  const body = build(...inputs);
  for (const tensor of topologicalOrder([body])) {
    if (known.has(tensor)) continue;
    const sources = tensor.inputs.map((source) => known.get(source)!);
    known.set(
      tensor,
      isConstant(tensor) ? scalarName(tensor, onnx) : tensor.operator.emit(tensor, sources, onnx),
    );
  }
  return known.get(body)!;
}

function isConstant({ operator }: Tensor): boolean {
  return operator.name === constantOperator.name;
}

function scalarName({ shape, attributes }: Tensor, onnx: OnnxEmitter): string {
  if (shape.length > 0) throw new NetworkError('unsupported', 'emitBody: only scalars may be constant');
  return onnx.float32((attributes as ConstantAttributes).values[0]!);
}
