import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import { apply, constantOperator, input, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { type Scope, scopeOf } from '../layers/scope.ts';
import { defineNetwork, type Network } from '../models/network.ts';

/** A dense network cut where its head begins, for inference: see `splitDense`. */
export interface SplitDense {
  /** From an image of the size that was given to its maps. */
  readonly trunk: Network;
  /** From maps to the scores of the whole. */
  readonly head: Network;
}

/**
 * Cuts a network (a dense one, say) before the first layer that depends on a head's parameters, so that maps that a frozen trunk
 * makes of an image can be kept while the head learns: head of trunk is the whole, operator by operator. For inference only: what is built has
 * no gradients.
 * @param isHead whether a parameter, by its full name, belongs to the head
 * @param imageShape [N, C, ...S]; both networks take this size only
 * Throws a `NetworkError` ('unsupported') where more than one value passes from trunk to head.
 */
export function splitDense(
  network: Network,
  isHead: (parameter: string) => boolean,
  imageShape: readonly number[],
): SplitDense {
  const { parts: _, ...description } = network;
  const size = imageShape.slice(2);
  const headOnly = (scope: Scope) => placeholders(isHead, scope);
  const mapShape = cutOf(network, isHead, headOnly(numberless()), input('image', imageShape)).maps.shape;
  return {
    trunk: defineNetwork(
      { ...description, name: `${network.name}, trunk`, smallestSize: size },
      (scope, image) => cutOf(network, isHead, scope, image).maps,
    ),
    head: defineNetwork(
      {
        ...description,
        name: `${network.name}, head`,
        inputChannels: mapShape[1]!,
        smallestSize: mapShape.slice(2),
      },
      (scope, maps) => {
        const image = input('image', [maps.shape[0]!, ...imageShape.slice(1)]);
        const whole = cutOf(network, isHead, headOnly(scope), image);
        return replaced(whole.output, whole.maps, maps);
      },
    ),
  };
}

/** What a network's forward asks for, without numbers. */
function numberless(): Scope {
  return scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
}

/** The scope for the parameters of the head; the trunk, which will be left out, gets no numbers to compute with. */
function placeholders(isHead: (parameter: string) => boolean, below: Scope): Scope {
  const own = new Set<Tensor>();
  const at = (scope: Scope): Scope => ({
    path: scope.path,
    child: (name) => at(scope.child(name)),
    parameter: (name, spec) => {
      const full = nameBelow(scope, name);
      if (!isHead(full)) return input(full, spec.shape);
      const tensor = scope.parameter(name, spec);
      own.add(tensor);
      return tensor;
    },
    batchNorm: (x, affine, options) => (own.has(affine.gamma) ? scope.batchNorm(x, affine, options) : x),
    dropout: (x, rate) => scope.dropout(x, rate),
  });
  return at(below);
}

function nameBelow({ path }: Scope, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function cutOf(network: Network, isHead: (parameter: string) => boolean, scope: Scope, image: Tensor) {
  const own = new Set<Tensor>();
  const watched = (below: Scope): Scope => ({
    path: below.path,
    child: (name) => watched(below.child(name)),
    parameter: (name, spec) => {
      const tensor = below.parameter(name, spec);
      if (isHead(nameBelow(below, name))) own.add(tensor);
      return tensor;
    },
    batchNorm: (x, affine, options) => {
      const normed = below.batchNorm(x, affine, options);
      // A norm that was folded into the convolution before it is new constants of that.
      if (own.has(affine.gamma)) for (const source of normed.inputs.filter(isConstant)) own.add(source);
      return normed;
    },
    dropout: (x, rate) => below.dropout(x, rate),
  });
  const output = network.forward(watched(scope), image);
  const ofImage = new Set([image]);
  const ofHead = new Set(own);
  const passed = new Set<Tensor>();
  for (const tensor of topologicalOrder([output])) {
    if (tensor.inputs.some((source) => ofImage.has(source))) ofImage.add(tensor);
    if (!tensor.inputs.some((source) => ofHead.has(source))) continue;
    ofHead.add(tensor);
    for (const source of tensor.inputs) if (ofImage.has(source) && !ofHead.has(source)) passed.add(source);
  }
  const [maps] = passed;
  if (maps === undefined || passed.size > 1) {
    throw new NetworkError(
      'unsupported',
      `splitDense: ${passed.size === 0 ? 'no value passes' : `values ${[...passed].map(({ shape }) => formatShape(shape)).join(', ')} pass`} from the trunk of ${network.name} to its head: expected one`,
    );
  }
  return { output, maps };
}

function isConstant({ operator }: Tensor): boolean {
  return operator.name === constantOperator.name;
}

/** The graph of `output` with another tensor in place of one. */
function replaced(output: Tensor, old: Tensor, next: Tensor): Tensor {
  const made = new Map<Tensor, Tensor>([[old, next]]);
  for (const tensor of topologicalOrder([output])) {
    if (made.has(tensor)) continue;
    const inputs = tensor.inputs.map((source) => made.get(source)!);
    const isSame = inputs.every((source, index) => source === tensor.inputs[index]);
    made.set(tensor, isSame ? tensor : apply(tensor.operator, inputs, tensor.attributes));
  }
  return made.get(output)!;
}
