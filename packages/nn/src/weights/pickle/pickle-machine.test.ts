import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { NetworkError } from '../../errors/network-error.ts';
import * as write from '../../testing/write-pickle.ts';
import { describeValue, unpickle } from './pickle-machine.ts';
import { PickleTruncated } from './pickle-reader.ts';
import type { PickleHost, PickleValue } from './pickle-values.ts';

const refuse = (what: string) => {
  throw new NetworkError('unsupported', what);
};
/** Knows nothing, and says what it was asked. */
const strict: PickleHost = {
  global: (module, name) => refuse(`global ${module}.${name}`),
  call: () => refuse('call'),
  build: () => refuse('build'),
  persistent: () => refuse('persistent'),
};
const read = (bytes: Uint8Array) => unpickle(bytes, strict).value;

/** Everything of JSON, and tuples, bytes and big integers, as Python's own pickle writes it. */
const samples = `
import pickle, sys
shared = [1, 2]
values = [
    None, True, False, 0, 255, 256, 65535, 65536, -1, -2**31, 2**31, 2**53, 2**53 + 1, -2**63, 2**200,
    1.5, float('inf'), -0.0, '', 'Leber ü', 'x' * 300, b'', b'ab', b'y' * 300,
    [], [1], list(range(2000)), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {'a': 1}, {i: i * i for i in range(2000)},
    [shared, shared], {'a': (shared, {'b': shared})},
]
for protocol in range(2, 6):
    for value in values:
        if protocol == 2 and isinstance(value, bytes): continue  # a call of _codecs.encode there
        data = pickle.dumps(value, protocol)
        sys.stdout.write(data.hex() + ' ' + repr(value).encode('utf-8').hex() + '\\n')
`;

/** As Python's repr. */
function repr(value: PickleValue): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(', ')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Uint8Array) return `b'${Buffer.from(value).toString('latin1')}'`;
  if (Object.is(value, -0)) return '-0.0';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  return String(value);
}

test.skipIf(!hasSystemTools(['python3-numpy']))(
  needs(['python3-numpy'], "what Python's pickle writes in protocols 2 to 5 is read back"),
  () => {
    const lines = execFileSync(debianPython, ['-c', samples], { encoding: 'utf8' }).trim().split('\n');
    expect(lines).toHaveLength(4 * 37 - 3);
    for (const line of lines) {
      const [data, expected] = line.split(' ').map((hex) => Buffer.from(hex, 'hex'));
      // Tuples are lists here.
      const python = expected!.toString('utf8').replaceAll('(', '[').replace(/,?\)/g, ']');
      expect(repr(read(data!))).toBe(python);
    }
  },
);

test('several pickles in a row: each tells where the next begins', () => {
  const bytes = Buffer.concat([
    write.pickle(write.integer(7)),
    write.pickle(write.text('next')),
    Buffer.from('rest'),
  ]);
  const first = unpickle(bytes, strict);
  const second = unpickle(bytes, strict, first.end);
  expect([first.value, second.value, bytes.subarray(second.end).toString()]).toEqual([7, 'next', 'rest']);
});

test('text of Python 2: integers, truth, and strings that may be Latin-1', () => {
  expect(read(Buffer.from('I-42\n.'))).toBe(-42);
  expect(read(Buffer.from('I01\n.'))).toBe(true);
  expect(read(Buffer.from('L12345678901234567890L\n.'))).toBe(12345678901234567890n);
  expect(read(Buffer.from('U\x03a\xfcb.', 'latin1'))).toBe('aüb');
  expect(read(Buffer.concat([Buffer.from('U\x04'), Buffer.from('aüb'), Buffer.from('.')]))).toBe('aüb');
});

describe('a pickle that', () => {
  const truncated = (...bytes: (Buffer | string)[]) =>
    Buffer.concat(bytes.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  test.each([
    ['asks for a function', truncated('cos\nsystem\n.'), /global os\.system/],
    [
      'asks for one by names on its stack',
      truncated(write.text('os'), write.text('system'), '\x93.'),
      /os\.system/,
    ],
    ['calls a list', truncated(']', ')', 'R.'), /call/],
    ['makes an object of a class', truncated(']', ')', '\x81.'), /call/],
    ['sets attributes', truncated(']', '}', 'b.'), /build/],
    ['refers outside', truncated('NQ.'), /persistent/],
    ['uses the old text form of a class', truncated('(icollections\nOrderedDict\n.'), /opcode 0x69/],
    ['uses the extension registry', truncated('\x82\x01.'), /opcode 0x82/],
    ['is of a protocol to come', truncated('\x80\x06N.'), /protocol 6/],
    ['takes from an empty stack', truncated('.'), /more from its stack/],
    ['pops what it never pushed', truncated('0N.'), /more from its stack/],
    ['reaches below a mark', truncated('N(0.'), /more from its stack/],
    ['stops inside a mark', truncated('N(.'), /more from its stack/],
    ['ends a mark that it never set', truncated('Nt.'), /mark it has not set/],
    ['makes a tuple of too few', truncated('N\x87.'), /more from its stack/],
    ['recalls what it never stored', truncated('h\x00.'), /recalls object 0/],
    ['recalls a far memory', truncated('j\xff\xff\xff\xff.'), /recalls object 4294967295/],
    ['stores nothing', truncated('q\x00N.'), /more from its stack/],
    ['appends to a number', truncated('K\x01Na.'), /list to append to/],
    ['fills a list as a dictionary', truncated(']NNs.'), /dictionary to fill/],
    ['has a key without value', truncated('}(Nu.'), /key without a value/],
    ['calls with no tuple', truncated(']NR.'), /arguments of a call/],
    ['names a global by numbers', truncated('K\x01K\x02\x93.'), /name of a global/],
    ['has an integer of 4 GiB', truncated('\x8b\xff\xff\xff\xff.'), /integer of 4294967295 bytes/],
    ['has an integer of a thousand digits', truncated(`L${'9'.repeat(1000)}\n.`), /where an integer/],
    ['has no integer', truncated('Iabc\n.'), /'abc' where an integer/],
    ['has text that is no UTF-8', truncated('X\x01\x00\x00\x00\xff.'), /no UTF-8/],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(NetworkError);
  });

  test.each([
    ['nothing', ''],
    ['no end', 'N'],
    ['a text of 4 GiB', 'X\xff\xff\xff\xffabc'],
    ['bytes of 16 EiB', '\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc'],
    ['a line without end', 'cos'],
  ])('has %s is cut off', (_, bytes) => {
    expect(() => read(Buffer.from(bytes, 'latin1'))).toThrow(PickleTruncated);
  });
});

test('a million nested lists take no call stack', () => {
  const depth = 1_000_000;
  let value = read(Buffer.concat([Buffer.alloc(depth, ']'), Buffer.alloc(depth - 1, 'a'), Buffer.from('.')]));
  let seen = 0;
  while (Array.isArray(value)) {
    value = value[0]!;
    seen++;
  }
  expect(seen).toBe(depth);
});

test('a list that contains itself is only that', () => {
  const value = read(Buffer.from(']q\x00h\x00a.', 'latin1')) as PickleValue[];
  expect(value[0]).toBe(value);
  expect(describeValue(value)).toBe('a list of 1');
});

test('any bytes give a value or a typed error, in the end', () => {
  const opcodes = fc.constantFrom(
    ...Buffer.from('(02NIJKMLGXTUBC]lae)t}dsucRbQqrhj.', 'latin1'),
    0x80,
    0x85,
    0x86,
    0x87,
  );
  const programs = fc.array(fc.oneof({ weight: 6, arbitrary: opcodes }, fc.nat(255)), { maxLength: 60 });
  let values = 0;
  fc.assert(
    fc.property(programs, (bytes) => {
      try {
        read(Uint8Array.from([...Buffer.from(']]}}'), ...bytes, 0x2e]));
        values++;
      } catch (error) {
        expect(error).toBeInstanceOf(NetworkError);
      }
    }),
    { numRuns: 5000 },
  );
  // Some of them must get through, or nothing was tried.
  expect(values).toBeGreaterThan(200);
});
