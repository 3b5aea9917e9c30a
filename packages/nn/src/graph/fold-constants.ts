import { apply, constant, constantOperator, type Tensor, topologicalOrder } from './tensor.ts';

/** The same graph, with everything that depends on constants only computed beforehand (in float64). */
export function foldConstants(outputs: readonly Tensor[]): Tensor[] {
  const folded = new Map<Tensor, Tensor>();
  const isConstant = (tensor: Tensor) => tensor.operator.name === constantOperator.name;
  for (const tensor of topologicalOrder(outputs)) {
    const inputs = tensor.inputs.map((source) => folded.get(source)!);
    const rebuilt = inputs.length === 0 ? tensor : apply(tensor.operator, inputs, tensor.attributes);
    folded.set(
      tensor,
      inputs.length > 0 && inputs.every(isConstant) && tensor.type === 'float32' ? compute(rebuilt) : rebuilt,
    );
  }
  return outputs.map((output) => folded.get(output)!);
}

function compute(tensor: Tensor): Tensor {
  const operands = tensor.inputs.map((source) => ({
    shape: source.shape,
    values: source.operator.evaluate(source, []),
  }));
  return constant(Float32Array.from(tensor.operator.evaluate(tensor, operands)), tensor.shape);
}
