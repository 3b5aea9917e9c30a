import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { gradients } from '../autodiff/gradients.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator, compareWithPeer, type PeerCase } from '../testing/check-operator.ts';
import { runGraph } from '../testing/run-graph.ts';
import { mul } from './elementwise.ts';
import { expand, reduceSum } from './reduce.ts';
import { reduceMax, reduceMin } from './reduce-extremes.ts';
import { reduceMean } from './reduce-mean.ts';

const shapes = [[2, 3, 4]] as const;
const cases: PeerCase[] = [
  {
    name: 'reduceSum, kept',
    shapes,
    build: (a) => reduceSum(a, [0, 2], true),
    peer: 'x[0].sum((0, 2), True)',
  },
  { name: 'reduceSum, dropped', shapes, build: (a) => reduceSum(a, [1]), peer: 'x[0].sum(1)' },
  { name: 'reduceMean', shapes, build: (a) => reduceMean(a, [0, 2]), peer: 'x[0].mean((0, 2))' },
  { name: 'reduceMean of all', shapes, build: (a) => reduceMean(a), peer: 'x[0].mean()' },
  { name: 'reduceMax', shapes, build: (a) => reduceMax(a, [1], true), peer: 'x[0].amax(1, True)' },
  { name: 'reduceMax, two axes', shapes, build: (a) => reduceMax(a, [0, 2]), peer: 'x[0].amax((0, 2))' },
  { name: 'reduceMin', shapes, build: (a) => reduceMin(a, [2]), peer: 'x[0].amin(2)' },
  { name: 'reduceMin of all', shapes, build: (a) => reduceMin(a), peer: 'x[0].amin()' },
  { name: 'expand', shapes: [[3, 1]], build: (a) => expand(a, [2, 3, 4]), peer: 'x[0].expand(2, 3, 4)' },
];

checkOperator(cases);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'reductions as PyTorch has them'),
  () => compareWithPeer(cases, runTorch),
);

test('of several largest or smallest elements, the first gets the gradient', async () => {
  const x = input('x', [2, 2, 3]);
  const feeds = new Map([[x, [1, 5, 5, 0, 5, 2, 3, 3, 3, 3, 0, 0]]]);
  const check = async (y: Tensor, expected: number[]) => {
    const dy = input('dy', y.shape);
    const fed = new Map([...feeds, [dy, [7, 8]]]);
    const [dx] = gradients(reduceSum(mul(y, dy)), [x]);
    expect([...evaluate([dx!], fed)[0]!]).toEqual(expected);
    expect([...(await runGraph([dx!], fed))[0]!]).toEqual(expected);
  };
  await check(reduceMax(x, [1, 2]), [0, 7, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
  await check(reduceMin(x, [1, 2]), [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 8, 0]);
});

test('axes that are not there are refused', () => {
  expect(() => reduceMax(input('x', [2, 3]), [2])).toThrow(/reduceMax: axes \[2\] of float32 \[2, 3\]/);
  expect(() => reduceMean(input('u', [2], 'uint8'))).toThrow(/reduceMean: axes \[0\] of uint8 \[2\]/);
});
