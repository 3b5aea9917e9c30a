import fc from 'fast-check';
import { isReserved, literalOf, wordPattern } from '../parse-where.ts';
import { type Literal, operators, type Where } from '../where.ts';

const texts = fc.oneof(
  fc.constantFrom(
    'patch-vgg16',
    'patch-small',
    'unet-2d',
    'none',
    'and',
    "it's",
    '',
    'Ä',
    'A B',
    '3',
    '1e-3',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 6 }).map((text) => text.replace(/\p{Cc}/gu, '_')),
);

const literals: fc.Arbitrary<Literal> = fc.oneof(
  fc
    .oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, 1e-3, 1e300))
    .map((n) => literalOf(String(n), false)),
  texts.map((text) => literalOf(text, !wordPattern.test(text) || isReserved(text))),
  texts.map((text) => literalOf(text, true)),
);

/** Conditions on these fields, nested a few levels. */
export function anyWhere(
  names: readonly [string, ...string[]] = ['recipe', 'a.b-c', 'lr'],
): fc.Arbitrary<Where> {
  const fields = fc.constantFrom(...names);
  const leaf: fc.Arbitrary<Where> = fc.oneof(
    fc.record({
      kind: fc.constant('compare' as const),
      field: fields,
      operator: fc.constantFrom(...operators),
      value: literals,
    }),
    fc.record({
      kind: fc.constant('in' as const),
      field: fields,
      values: fc.array(literals, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('has' as const), field: fields, present: fc.boolean() }),
  );
  const { tree } = fc.letrec<{ tree: Where }>((tie) => {
    const parts = fc.array(tie('tree'), { minLength: 2, maxLength: 3 });
    return {
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        fc.record({ kind: fc.constant('and' as const), parts }),
        fc.record({ kind: fc.constant('or' as const), parts }),
        fc.record({ kind: fc.constant('not' as const), part: tie('tree') }),
      ),
    };
  });
  return tree;
}
