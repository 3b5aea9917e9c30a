import { NetworkError } from '../../errors/network-error.ts';
import type { NumberType } from '../number-types.ts';
import { describeValue } from '../pickle/pickle-machine.ts';
import type { PickleHost, PickleObject, PickleValue } from '../pickle/pickle-values.ts';
import { isTensor, type StorageReference, tensorView } from './tensor-view.ts';

/** What a name on the list stands for. */
interface Allowed extends PickleObject {
  readonly kind: 'callable' | 'storage type' | 'inert';
  readonly name: string;
  readonly call?: (args: readonly PickleValue[]) => PickleValue;
  readonly type?: NumberType;
}

const storageTypes: Readonly<Record<string, NumberType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** Number types that checkpoints mention beside their tensors. */
const torchTypes = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
];

/** Something that may be in a checkpoint, is no tensor, and is not looked at. */
const inert: PickleObject = { kind: 'value of no interest' };

/**
 * A host that knows what tensors and the dictionaries around them need, and nothing else. For one file: it remembers
 * what it has used.
 */
export function torchHost(): PickleHost {
  const list = allowList();
  return {
    global: (module, name) => {
      const found = list.get(`${module}.${name}`);
      if (found === undefined) throw notAllowed(module, name);
      return found;
    },
    call: (callee, args) => {
      if (!isAllowed(callee) || callee.call === undefined) {
        throw new NetworkError(
          'damaged',
          `The pickle calls ${isAllowed(callee) ? callee.name : describeValue(callee)}, which is no function.`,
        );
      }
      return callee.call(args);
    },
    // An OrderedDict carries attributes (_metadata: versions of layers), a parameter may, too: no numbers.
    build: (target) => {
      if (!(target instanceof Map) && !isTensor(target) && target !== inert) {
        throw new NetworkError('damaged', `The pickle sets attributes of ${describeValue(target)}.`);
      }
    },
    persistent: storageReference,
  };
}

function isAllowed(value: PickleValue): value is Allowed & PickleValue {
  return typeof value === 'object' && value !== null && 'name' in value;
}

function notAllowed(module: string, name: string): NetworkError {
  const whole = `${module}.${name}`.slice(0, 120);
  return new NetworkError(
    'unsupported',
    `The file asks for '${whole}', which is not needed to read weights; nothing was run. Save the state dict alone: torch.save(model.state_dict(), file).`,
  );
}

function allowList(): ReadonlyMap<string, Allowed> {
  const list = new Map<string, Allowed>();
  const add = (name: string, what: Omit<Allowed, 'name'>) => list.set(name, { ...what, name });
  const callable = (name: string, call: Allowed['call']) => add(name, { kind: 'callable', call });

  // A list may become one dictionary only: otherwise a small file could ask for endless work.
  const used = new WeakSet<object>();
  callable('collections.OrderedDict', ([pairs]) => {
    const dict = new Map<PickleValue, PickleValue>();
    if (pairs === undefined) return dict;
    if (!Array.isArray(pairs) || used.has(pairs)) throw badArguments('collections.OrderedDict');
    used.add(pairs);
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) throw badArguments('collections.OrderedDict');
      dict.set(pair[0]!, pair[1]!);
    }
    return dict;
  });

  for (const [name, type] of Object.entries(storageTypes)) {
    for (const module of ['torch', 'torch.cuda']) add(`${module}.${name}`, { kind: 'storage type', type });
  }
  const rebuild = ([storage, offset, shape, strides]: readonly PickleValue[]) =>
    tensorView(storage, offset, shape, strides);
  callable('torch._utils._rebuild_tensor_v2', rebuild);
  callable('torch._utils._rebuild_tensor', rebuild);
  for (const name of ['_rebuild_parameter', '_rebuild_parameter_with_state']) {
    callable(`torch._utils.${name}`, ([data]) => {
      if (!isTensor(data)) throw badArguments(name);
      return data;
    });
  }
  // A tensor with attributes: the function that makes the tensor, its class, the arguments, the attributes.
  callable('torch._tensor._rebuild_from_type_v2', ([make, , args]) => {
    if (
      make === undefined ||
      !isAllowed(make) ||
      !make.name.startsWith('torch._utils.') ||
      !Array.isArray(args)
    ) {
      throw badArguments('_rebuild_from_type_v2');
    }
    return make.call!(args);
  });
  add('torch.Tensor', { kind: 'inert' });
  add('torch.nn.parameter.Parameter', { kind: 'inert' });
  callable('torch.Size', ([sizes]) => {
    if (!Array.isArray(sizes)) throw badArguments('torch.Size');
    return sizes;
  });
  callable('torch.device', () => inert);
  for (const name of torchTypes) add(`torch.${name}`, { kind: 'inert' });

  // Single numbers of NumPy, such as the best accuracy so far.
  for (const numpy of ['numpy.core', 'numpy._core']) callable(`${numpy}.multiarray.scalar`, () => inert);
  callable('numpy.dtype', () => inert);
  callable('_codecs.encode', () => inert);
  return list;
}

function badArguments(name: string): NetworkError {
  return new NetworkError('damaged', `The pickle calls ${name} with other arguments than that takes.`);
}

/** `('storage', type, key, device, length)`, in the old form with `None` or `(key, start, length)` of a view after it. */
function storageReference(id: PickleValue): PickleValue {
  const [word, type, key, , length, view] = Array.isArray(id) ? id : [];
  if (word === 'module') {
    throw new NetworkError(
      'unsupported',
      'The file holds a whole module with its program, not weights. Save the state dict alone: torch.save(model.state_dict(), file).',
    );
  }
  const isType = type !== undefined && isAllowed(type) && type.type !== undefined;
  if (word !== 'storage' || !isType || typeof key !== 'string' || !isCount(length)) {
    throw new NetworkError('damaged', `The pickle refers to ${describeValue(id)} outside of it.`);
  }
  const whole = { viewStart: 0, viewLength: length };
  const reference: StorageReference = {
    kind: 'storage',
    key,
    type: type.type!,
    length,
    ...(view === undefined || view === null ? whole : viewOf(view, length)),
  };
  return reference;
}

function viewOf(view: PickleValue, length: number) {
  const [, viewStart, viewLength] = Array.isArray(view) ? view : [];
  if (!isCount(viewStart) || !isCount(viewLength) || viewStart + viewLength > length) {
    throw new NetworkError('damaged', 'The pickle refers to a part of a storage that lies outside of it.');
  }
  return { viewStart, viewLength };
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
