import { NetworkError } from '../../errors/network-error.ts';
import { describeValue } from '../pickle/pickle-machine.ts';
import type { PickleDict, PickleValue } from '../pickle/pickle-values.ts';
import { isTensor, type TensorView } from './tensor-view.ts';

/** The tensors of a checkpoint by name. */
export interface StateDict {
  /** Where it was in the checkpoint; '' for a file that is the state dict itself. */
  readonly key: string;
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
}

/** Under what training programs keep the state dict; the first that is there is taken. */
const usualKeys = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'network_weights',
  'weights',
  'params',
  'module',
];

/**
 * Finds the state dict in what `torch.save` wrote: a dictionary under one of the usual keys, else the value itself.
 * The keys come first, since a checkpoint may have lone tensors beside its state dict, such as the best accuracy.
 * @param key take the dictionary under this key; '' for the value itself
 * @throws NetworkError 'unsupported' when there is none
 */
export function findStateDict(root: PickleValue, key?: string): StateDict {
  if (!(root instanceof Map)) {
    throw new NetworkError(
      'unsupported',
      `The file holds ${describeValue(root)}; a dictionary of tensors was expected.`,
    );
  }
  const keys = key === undefined ? usualKeys : key === '' ? [] : [key];
  const found = keys.find((name) => {
    const value = root.get(name);
    return value instanceof Map && hasTensors(value);
  });
  if (found === undefined && !key && hasTensors(root)) return named('', root, []);
  if (found === undefined) {
    const there = [...root.keys()]
      .slice(0, 20)
      .map((name) => (typeof name === 'string' ? `'${name}'` : typeof name));
    throw new NetworkError(
      'unsupported',
      `The file has no dictionary of tensors under ${keys.map((name) => `'${name}'`).join(', ')}. It has: ${there.join(', ') || 'nothing'}.`,
    );
  }
  const others = [...root.keys()]
    .filter((name) => name !== found)
    .map((name) => ({ name: String(name).slice(0, 80), reason: `beside the state dict '${found}'` }));
  return named(found, root.get(found) as PickleDict, others);
}

function hasTensors(dict: PickleDict): boolean {
  for (const value of dict.values()) if (isTensor(value)) return true;
  return false;
}

function named(key: string, dict: PickleDict, others: StateDict['leftOut']): StateDict {
  const tensors = new Map<string, TensorView>();
  const leftOut = [...others];
  for (const [name, value] of dict) {
    if (typeof name === 'string' && isTensor(value)) tensors.set(name, value);
    else leftOut.push({ name: String(name).slice(0, 80), reason: `${describeValue(value)}, no tensor` });
  }
  return { key, tensors, leftOut };
}
