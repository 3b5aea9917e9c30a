import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { gradients } from '../autodiff/gradients.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator, compareWithPeer, type PeerCase } from '../testing/check-operator.ts';
import { runGraph } from '../testing/run-graph.ts';
import { clip, erf, gelu, leakyRelu, sigmoid, silu, softplus, tanh } from './activations.ts';
import { relu } from './elementwise.ts';
import { reduceSum } from './reduce.ts';

const wide = (normal: number) => 3 * normal;
const activations: { name: string; of: (x: Tensor) => Tensor; peer: string }[] = [
  { name: 'relu', of: relu, peer: 'F.relu(x[0])' },
  { name: 'leakyRelu', of: (x) => leakyRelu(x, 0.25), peer: 'F.leaky_relu(x[0], 0.25)' },
  { name: 'leakyRelu of negative slope', of: (x) => leakyRelu(x, -0.5), peer: 'F.leaky_relu(x[0], -0.5)' },
  { name: 'sigmoid', of: sigmoid, peer: 'torch.sigmoid(x[0])' },
  { name: 'tanh', of: tanh, peer: 'torch.tanh(x[0])' },
  { name: 'silu', of: silu, peer: 'F.silu(x[0])' },
  { name: 'gelu', of: (x) => gelu(x), peer: 'F.gelu(x[0])' },
  { name: 'gelu, tanh form', of: (x) => gelu(x, 'tanh'), peer: "F.gelu(x[0], approximate='tanh')" },
  { name: 'softplus', of: softplus, peer: 'F.softplus(x[0], threshold=1000)' },
  { name: 'erf', of: erf, peer: 'torch.erf(x[0])' },
  { name: 'clip', of: (x) => clip(x, -0.5, 1.5), peer: 'torch.clamp(x[0], -0.5, 1.5)' },
];
const cases: PeerCase[] = activations.map(({ name, of, peer }) => ({
  name,
  shapes: [[2, 3, 5, 7]],
  build: (x) => of(x),
  value: wide,
  peer,
}));

checkOperator(cases);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'activations as PyTorch has them'),
  () => compareWithPeer(cases, runTorch),
);

test('at and near the kinks the slope is that of PyTorch', async () => {
  const x = input('x', [5]);
  const feeds = new Map([[x, [-1, -1e-20, 0, 1e-20, 1]]]);
  const check = async (y: Tensor, expected: number[]) => {
    const slope = gradients(reduceSum(y), [x]);
    expect([...evaluate(slope, feeds)[0]!]).toEqual(expected);
    // Negative zeros are zeros.
    expect([...(await runGraph(slope, feeds))[0]!].map((value) => value + 0)).toEqual(expected);
  };
  await check(relu(x), [0, 0, 0, 1, 1]);
  await check(leakyRelu(x, 0.5), [0.5, 0.5, 0.5, 1, 1]);
  await check(leakyRelu(x, -0.5), [-0.5, -0.5, -0.5, 1, 1]);
  await check(leakyRelu(x, 2), [2, 2, 2, 1, 1]);
  await check(clip(x, -1, 0), [1, 1, 1, 0, 0]);
});

test.each(activations)('$name stays finite far from zero, value and slope', async ({ of }) => {
  const x = input('x', [8]);
  const outputs = [of(x), ...gradients(reduceSum(of(x)), [x])];
  const feeds = new Map([[x, [-1e4, -200, -90, -20, 20, 90, 200, 1e4]]]);
  const exact = evaluate(outputs, feeds);
  const found = await runGraph(outputs, feeds);
  for (const [i, values] of exact.entries()) {
    expect([...values, ...found[i]!].every(Number.isFinite)).toBe(true);
    // Slopes as small as 1 - y of a y near 1 vanish in float32.
    for (const [k, value] of values.entries()) {
      expect(Math.abs(found[i]![k]! - value)).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
    }
  }
});
