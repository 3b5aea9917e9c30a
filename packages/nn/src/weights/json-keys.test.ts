import fc from 'fast-check';
import { expect, test } from 'vitest';
import { repeatedKey } from './json-keys.ts';

test.each([
  ['{"a":1,"b":2}', undefined],
  ['{"a":1,"a":2}', 'a'],
  ['{"a":{"a":1},"b":{"a":1}}', undefined],
  ['{"a":{"c":1 , "c" : 2}}', 'c'],
  ['[{"a":1},{"a":1}]', undefined],
  ['{"a":["a","a"],"b":"a"}', undefined],
  [String.raw`{"\u0061":1,"a":2}`, 'a'],
  [String.raw`{"a\"":1,"a\\":2,"a":"}"}`, undefined],
  [String.raw`{"q":"\"","q":1}`, 'q'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ['"a"', undefined],
])('%s repeats %s', (text, key) => {
  expect(repeatedKey(text)).toBe(key);
});

test('what JSON.stringify writes repeats nothing, at any indentation; a second copy of a key does', () => {
  fc.assert(
    fc.property(fc.json(), fc.string(), fc.nat(3), (json, key, indent) => {
      const value: unknown = JSON.parse(json);
      expect(repeatedKey(JSON.stringify(value, null, indent))).toBe(undefined);
      const member = `${JSON.stringify(key)}: ${JSON.stringify(value, null, indent)}`;
      expect(repeatedKey(`{${member},${member}}`)).toBe(key);
    }),
  );
});
