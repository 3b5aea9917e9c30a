import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import { input } from '../graph/tensor.ts';
import { checkOperator, compareWithPeer, type PeerCase } from '../testing/check-operator.ts';
import { linear } from './linear.ts';

const cases: PeerCase[] = [
  {
    name: 'linear',
    shapes: [[3, 5], [4, 5], [4]],
    build: (x, w, b) => linear(x!, w!, b),
    peer: 'F.linear(x[0], x[1], x[2])',
  },
  {
    name: 'linear without bias',
    shapes: [
      [2, 7],
      [3, 7],
    ],
    build: (x, w) => linear(x!, w!),
    peer: 'F.linear(x[0], x[1])',
  },
];

checkOperator(cases);

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'a linear layer as PyTorch has it'),
  () => compareWithPeer(cases, runTorch),
);

test('weights of another size are refused', () => {
  expect(() => linear(input('x', [2, 3]), input('w', [3, 4]), input('b', [3]))).toThrow(
    /linear: \[2, 3\] with weights \[3, 4\] and bias \[3\] does not fit/,
  );
});
