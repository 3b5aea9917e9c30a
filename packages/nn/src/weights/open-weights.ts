import type { Shape } from '../graph/shape.ts';
import type { NumberType } from './number-types.ts';
import type { NamedArray } from './safetensors.ts';

/** An array of a weight file before its numbers are read. */
export interface ListedArray {
  readonly name: string;
  readonly shape: Shape;
  /** What the file holds; it is read as float32. */
  readonly type: NumberType;
}

/** An open weight file, whatever its format. The numbers are read one array at a time. */
export interface OpenWeights {
  readonly format: 'safetensors' | 'pytorch' | 'keras';
  readonly arrays: readonly ListedArray[];
  readonly metadata: Readonly<Record<string, string>>;
  /** What else is in the file and is not given as an array, each with the reason. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /**
   * The numbers of one array, in a buffer of their own.
   * @throws NetworkError 'value-invalid' when there is no such array or float32 cannot hold it; 'damaged'
   */
  read(name: string): Promise<NamedArray>;
  /** Closes the source, too. */
  close(): Promise<void>;
}
