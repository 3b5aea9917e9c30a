import { NetworkError } from '../../errors/network-error.ts';
import { type PickleReader, parseInteger, pickleReader } from './pickle-reader.ts';
import type { PickleDict, PickleHost, PickleObject, PickleValue } from './pickle-values.ts';

/** One pickle of several in a row: what it makes, and where the next one begins. */
export interface Unpickled {
  readonly value: PickleValue;
  readonly end: number;
}

const newestProtocol = 5;

/**
 * Reads one pickle (Python's pickletools describes the opcodes): the binary ones of protocols 2 to 5, and those text
 * ones that Python 2 mixes in. Nothing is executed: names, calls and references outside go to the host. Time and
 * memory grow with the number of bytes, whatever they say; nesting takes no stack.
 * @param data the pickle begins at `start`; what follows it is not looked at
 * @throws NetworkError 'damaged' (`PickleTruncated` when bytes are missing at the end), 'unsupported' for an opcode
 * that is not read, and what the host throws
 */
export function unpickle(data: Uint8Array, host: PickleHost, start = 0): Unpickled {
  const reader = pickleReader(data, start);
  const machine = createMachine(host);
  for (;;) {
    const at = reader.position;
    const opcode = reader.byte();
    if (opcode === stop) return { value: machine.pop(), end: reader.position };
    const action = actions.get(opcode);
    if (action === undefined) {
      throw new NetworkError(
        'unsupported',
        `The pickle uses opcode 0x${opcode.toString(16)} at byte ${at}, which files of weights have no need of.`,
      );
    }
    action(machine, reader);
  }
}

/** Stack, marks and memo. */
interface Machine {
  readonly host: PickleHost;
  readonly memo: Map<number, PickleValue>;
  push(value: PickleValue): void;
  pop(): PickleValue;
  top(): PickleValue;
  mark(): void;
  /** Everything since the last mark, which is taken away. */
  popToMark(): PickleValue[];
}

function createMachine(host: PickleHost): Machine {
  const stack: PickleValue[] = [];
  /** Heights of the stack; what lies below the last one is out of reach until it is taken away. */
  const marks: number[] = [];
  const check = () => {
    if (stack.length <= (marks.at(-1) ?? 0)) {
      throw new NetworkError('damaged', 'The pickle takes more from its stack than it has put there.');
    }
  };
  return {
    host,
    memo: new Map(),
    push: (value) => {
      stack.push(value);
    },
    pop: () => {
      check();
      return stack.pop()!;
    },
    top: () => {
      check();
      return stack.at(-1)!;
    },
    mark: () => {
      marks.push(stack.length);
    },
    popToMark: () => {
      const height = marks.pop();
      if (height === undefined)
        throw new NetworkError('damaged', 'The pickle refers to a mark it has not set.');
      return stack.splice(height);
    },
  };
}

type Action = (machine: Machine, reader: PickleReader) => void;

const stop = 0x2e;

/** Pushes what `make` reads. */
const literal =
  (make: (reader: PickleReader) => PickleValue): Action =>
  (machine, reader) =>
    machine.push(make(reader));

const recall = (machine: Machine, index: number): void => {
  const value = machine.memo.get(index);
  if (value === undefined) {
    throw new NetworkError('damaged', `The pickle recalls object ${index}, which it has not stored.`);
  }
  machine.push(value);
};

/** The last `count` of the stack, as a new tuple. */
const tuple =
  (count: number): Action =>
  (machine) => {
    const items = Array.from({ length: count }, () => machine.pop());
    machine.push(items.reverse());
  };

const call: Action = (machine) => {
  const args = machine.pop();
  const callee = machine.pop();
  if (!Array.isArray(args)) throw wrongKind('arguments of a call', args);
  machine.push(machine.host.call(callee, args));
};

const actions: ReadonlyMap<number, Action> = new Map<number, Action>([
  // Frame of the pickle
  [0x80, (_, reader) => checkProtocol(reader.byte())], // PROTO
  [0x95, (_, reader) => void reader.uint64()], // FRAME: only a hint for buffering
  // Stack
  [0x28, (machine) => machine.mark()], // MARK
  [0x30, (machine) => void machine.pop()], // POP
  [0x31, (machine) => void machine.popToMark()], // POP_MARK
  [0x32, (machine) => machine.push(machine.top())], // DUP
  // Memo
  [0x71, (machine, reader) => void machine.memo.set(reader.byte(), machine.top())], // BINPUT
  [0x72, (machine, reader) => void machine.memo.set(reader.uint32(), machine.top())], // LONG_BINPUT
  [0x94, (machine) => void machine.memo.set(machine.memo.size, machine.top())], // MEMOIZE
  [0x68, (machine, reader) => recall(machine, reader.byte())], // BINGET
  [0x6a, (machine, reader) => recall(machine, reader.uint32())], // LONG_BINGET
  // Constants and numbers
  [0x4e, literal(() => null)], // NONE
  [0x88, literal(() => true)], // NEWTRUE
  [0x89, literal(() => false)], // NEWFALSE
  [0x4a, literal((reader) => reader.int32())], // BININT
  [0x4b, literal((reader) => reader.byte())], // BININT1
  [0x4d, literal((reader) => reader.uint16())], // BININT2
  [0x8a, literal((reader) => reader.integer(reader.byte()))], // LONG1
  [0x8b, literal((reader) => reader.integer(reader.uint32()))], // LONG4
  [0x49, literal((reader) => parseIntegerOrBoolean(reader.line()))], // INT
  [0x4c, literal((reader) => parseInteger(reader.line()))], // LONG
  [0x47, literal((reader) => reader.doubleBigEndian())], // BINFLOAT
  // Text and bytes
  [0x58, literal((reader) => reader.text(reader.uint32()))], // BINUNICODE
  [0x8c, literal((reader) => reader.text(reader.byte()))], // SHORT_BINUNICODE
  [0x8d, literal((reader) => reader.text(reader.uint64()))], // BINUNICODE8
  [0x54, literal((reader) => reader.oldText(reader.uint32()))], // BINSTRING
  [0x55, literal((reader) => reader.oldText(reader.byte()))], // SHORT_BINSTRING
  [0x42, literal((reader) => reader.bytes(reader.uint32()))], // BINBYTES
  [0x43, literal((reader) => reader.bytes(reader.byte()))], // SHORT_BINBYTES
  [0x8e, literal((reader) => reader.bytes(reader.uint64()))], // BINBYTES8
  [0x96, literal((reader) => reader.bytes(reader.uint64()))], // BYTEARRAY8
  // Lists and tuples
  [0x5d, literal(() => [])], // EMPTY_LIST
  [0x6c, (machine) => machine.push(machine.popToMark())], // LIST
  [
    0x61, // APPEND
    (machine) => {
      const item = machine.pop();
      appendTo(machine.top(), [item]);
    },
  ],
  [
    0x65, // APPENDS
    (machine) => {
      const items = machine.popToMark();
      appendTo(machine.top(), items);
    },
  ],
  [0x29, literal(() => [])], // EMPTY_TUPLE
  [0x74, (machine) => machine.push(machine.popToMark())], // TUPLE
  [0x85, tuple(1)], // TUPLE1
  [0x86, tuple(2)], // TUPLE2
  [0x87, tuple(3)], // TUPLE3
  // Dictionaries
  [0x7d, literal(() => new Map())], // EMPTY_DICT
  [
    0x64, // DICT
    (machine) => {
      const dict: PickleDict = new Map();
      setIn(dict, machine.popToMark());
      machine.push(dict);
    },
  ],
  [
    0x73, // SETITEM
    (machine) => {
      const value = machine.pop();
      const key = machine.pop();
      setIn(machine.top(), [key, value]);
    },
  ],
  [
    0x75, // SETITEMS
    (machine) => {
      const items = machine.popToMark();
      setIn(machine.top(), items);
    },
  ],
  // What the host decides
  [
    0x63, // GLOBAL
    (machine, reader) => {
      const module = reader.line();
      machine.push(machine.host.global(module, reader.line()));
    },
  ],
  [
    0x93, // STACK_GLOBAL
    (machine) => {
      const name = machine.pop();
      const module = machine.pop();
      if (typeof name !== 'string' || typeof module !== 'string') throw wrongKind('name of a global', name);
      machine.push(machine.host.global(module, name));
    },
  ],
  [0x52, call], // REDUCE
  [0x81, call], // NEWOBJ: a class instead of a function
  [
    0x62, // BUILD
    (machine) => {
      const state = machine.pop();
      machine.host.build(machine.top(), state);
    },
  ],
  [0x51, (machine) => machine.push(machine.host.persistent(machine.pop()))], // BINPERSID
]);

function checkProtocol(version: number): void {
  if (version > newestProtocol) {
    throw new NetworkError(
      'unsupported',
      `The pickle is of protocol ${version}; 2 to ${newestProtocol} are read.`,
    );
  }
}

/** Python 2 writes truth as the integers 00 and 01. */
function parseIntegerOrBoolean(line: string): number | bigint | boolean {
  if (line === '00') return false;
  if (line === '01') return true;
  return parseInteger(line);
}

// Loops, not spreads: a million arguments of a call would be too many.

function appendTo(list: PickleValue, items: readonly PickleValue[]): void {
  if (!Array.isArray(list)) throw wrongKind('list to append to', list);
  for (const item of items) list.push(item);
}

function setIn(dict: PickleValue, items: readonly PickleValue[]): void {
  if (!(dict instanceof Map)) throw wrongKind('dictionary to fill', dict);
  if (items.length % 2 !== 0) throw new NetworkError('damaged', 'The pickle has a key without a value.');
  for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
}

function wrongKind(wanted: string, found: PickleValue): NetworkError {
  return new NetworkError(
    'damaged',
    `The pickle has ${describeValue(found)} where a ${wanted} was expected.`,
  );
}

/** What a value is, for messages; never its contents at length. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `the text '${value.slice(0, 40)}'`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'object') return `a ${(value satisfies PickleObject).kind}`;
  return String(value);
}
