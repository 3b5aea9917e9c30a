/**
 * What a pickle is made of here. Lists and tuples are arrays, dictionaries are maps (insertion order, as in Python);
 * integers beyond 2^53 are bigints. A list or dictionary may contain itself.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleObject;

export type PickleDict = Map<PickleValue, PickleValue>;

/** Something that a `PickleHost` made; the machine only passes it around. */
export interface PickleObject {
  readonly kind: string;
}

/**
 * Decides what a pickle may refer to. A pickle is a program: it names things of Python and has them called. The
 * machine runs none of it, it asks the host, which knows a few names and gives plain data for them.
 * Methods throw a `NetworkError` for anything that is not on the host's list.
 */
export interface PickleHost {
  /** The pickle asks for `name` of `module`. */
  global(module: string, name: string): PickleObject;
  /** The pickle calls what `global` gave. */
  call(callee: PickleValue, args: readonly PickleValue[]): PickleValue;
  /** The pickle sets attributes of an object that was made before. */
  build(target: PickleValue, state: PickleValue): void;
  /** The pickle refers to data outside of it. */
  persistent(id: PickleValue): PickleValue;
}
