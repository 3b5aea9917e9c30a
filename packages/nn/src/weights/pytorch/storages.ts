import type { PickleValue } from '../pickle/pickle-values.ts';
import type { StorageReference } from './tensor-view.ts';

/** A `torch.save` file of either form, taken apart. */
export interface TorchArchive {
  readonly root: PickleValue;
  /**
   * Checks that a storage is there with the size that the pickle tells.
   * @throws NetworkError 'damaged'
   */
  check(storage: StorageReference): void;
  /**
   * Bytes of a storage, `from` and `to` counted in numbers.
   * @throws NetworkError 'damaged'
   */
  read(storage: StorageReference, from: number, to: number): Promise<Uint8Array>;
}
