import { describe, expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { mul } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { evaluate } from '../reference/evaluate.ts';
import { relativeError, testRandom } from './numbers.ts';
import { runGraph } from './run-graph.ts';

export interface OperatorCase {
  readonly name: string;
  /** Of the inputs that `build` gets. */
  readonly shapes: readonly Shape[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** Makes an input's number from a standard normal one, e.g. where only positive ones make sense. */
  readonly value?: (normal: number) => number;
}

/** Largest relative error of ONNX Runtime's float32 (Euclidean norms over whole arrays). */
const float32Error = 2e-6;

/** Largest relative error of central differences in float64 with steps of 1e-6. */
const differenceError = 1e-7;

/** Standard normal float32 numbers, the same for the same seed. */
export function randomValues(shape: Shape, seed: number, value = (normal: number) => normal): Float64Array {
  const random = testRandom(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(value(random.normal())));
}

/**
 * Registers two tests per case: ONNX Runtime, in the form for the CPU and in the portable one, gives the value and the
 * derivative of the float64 reference; the reference's derivative agrees with finite differences.
 */
export function checkOperator(cases: readonly OperatorCase[]): void {
  describe.each(cases)('$name', ({ shapes, build, value }) => {
    const sources = shapes.map((shape, i) => input(`x${i}`, shape));
    const feeds = new Map(sources.map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1, value)]));
    const result = build(...sources);
    // A loss that weighs every element differently: a permuted gradient is then a wrong one.
    const weights = constant(Float32Array.from(randomValues(result.shape, 99)), result.shape);
    const loss = reduceSum(mul(result, weights));
    const derivatives = gradients(loss, sources);

    test('ONNX Runtime gives the value and the derivative of the float64 reference', async () => {
      const outputs = [result, ...derivatives];
      const expected = evaluate(outputs, feeds);
      for (const portable of formsOf(outputs)) {
        const found = await runGraph(outputs, feeds, { portable });
        const errors = expected.map((values, i) => relativeError(found[i]!, values));
        expect(Math.max(...errors), portable ? 'portable' : 'for the CPU').toBeLessThan(float32Error);
      }
    });

    test('the derivative agrees with finite differences in float64', () => {
      const exact = evaluate(derivatives, feeds);
      for (const [i, source] of sources.entries()) {
        const estimate = finiteDifferences(loss, source, feeds);
        expect(relativeError(estimate, exact[i]!), `input ${i}`).toBeLessThan(differenceError);
      }
    });
  });
}

/** [false], or [false, true] where the portable graph is another one. */
function formsOf(outputs: readonly Tensor[]): boolean[] {
  const named = Object.fromEntries(outputs.map((tensor, i) => [`out${i}`, tensor]));
  const [plain, portable] = [false, true].map((form) =>
    writeModel({ name: 'm', outputs: named, portable: form }),
  );
  return Buffer.from(plain!).equals(portable!) ? [false] : [false, true];
}

/** d`loss`/d`source` by central differences in float64. */
export function finiteDifferences(
  loss: Tensor,
  source: Tensor,
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
): Float64Array {
  const h = 1e-6;
  const numbers = Float64Array.from(feeds.get(source)!);
  const lossAt = (values: Float64Array) => evaluate([loss], new Map([...feeds, [source, values]]))[0]![0]!;
  return numbers.map(
    (value, k) => (lossAt(numbers.with(k, value + h)) - lossAt(numbers.with(k, value - h))) / (2 * h),
  );
}

/** What another implementation is asked, and what it answers (see `testing/torch.ts`). */
export interface PeerRequest {
  readonly expression: string;
  readonly inputs: readonly { readonly shape: Shape; readonly values: readonly number[] }[];
  readonly weights: readonly number[];
}

export interface PeerResult {
  readonly shape: Shape;
  readonly value: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

export interface PeerCase extends OperatorCase {
  /** The same in the peer's language, over x[0], x[1], ... */
  readonly peer: string;
}

/** Constants of a graph (bin shares, slopes) are float32, a peer's are not. */
const peerError = 1e-7;

/** Compares shape, value and derivatives of the float64 reference with another float64 implementation. */
export function compareWithPeer(
  cases: readonly PeerCase[],
  run: (requests: readonly PeerRequest[]) => readonly PeerResult[],
): void {
  const built = cases.map(({ shapes, build, value, peer, name }) => {
    const sources = shapes.map((shape, i) => input(`x${i}`, shape));
    const numbers = shapes.map((shape, i) => [...randomValues(shape, i + 1, value)]);
    const result = build(...sources);
    const weights = [...randomValues(result.shape, 99)];
    const request: PeerRequest = {
      expression: peer,
      inputs: shapes.map((shape, i) => ({ shape, values: numbers[i]! })),
      weights,
    };
    return { name, sources, numbers, result, weights, request };
  });
  const answers = run(built.map(({ request }) => request));
  for (const [i, { name, sources, numbers, result, weights, request }] of built.entries()) {
    const { shape, value, gradients: slopes } = answers[i]!;
    const what = `${name}: ${request.expression}`;
    expect(result.shape, what).toEqual(shape);
    const loss = reduceSum(mul(result, constant(weights, result.shape)));
    const feeds = new Map(sources.map((tensor, k) => [tensor, numbers[k]!]));
    const [found, ...derivatives] = evaluate([result, ...gradients(loss, sources)], feeds);
    expect(relativeError(found!, value), what).toBeLessThan(peerError);
    for (const [k, derivative] of derivatives.entries()) {
      expect(relativeError(derivative, slopes[k]!), `${what}, input ${k}`).toBeLessThan(peerError);
    }
  }
}
