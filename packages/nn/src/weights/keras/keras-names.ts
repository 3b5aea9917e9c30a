import type { Shape } from '../../graph/shape.ts';

/** Where an array of a Keras file belongs in the network of the same name by torchvision. */
export interface TorchPlace {
  readonly name: string;
  /** For a dense layer after a flattened map: the map's sizes [H, W, C] in Keras, which PyTorch has as [C, H, W]. */
  readonly flattened?: Shape;
}

/** Convolutions of the stages of VGG16 and VGG19. */
const vggStages = [
  [2, 2, 3, 3, 3],
  [2, 2, 4, 4, 4],
] as const;

/** The layers of DenseNet by Keras's name of the block and within it. */
const densePart: Readonly<Record<string, string>> = {
  '0_bn': 'norm1',
  '1_conv': 'conv1',
  '1_bn': 'norm2',
  '2_conv': 'conv2',
};

/**
 * The torchvision names of the arrays of keras.applications' VGG16, VGG19, and DenseNets, which are the same networks
 * (DenseNet's norms have epsilon 1.001e-5 there). Its ResNets are other ones: the stride is in another convolution.
 * @param names as `openKeras` gives them
 * @returns undefined when the names are of no such network
 */
export function torchNamesOfKeras(names: readonly string[]): ReadonlyMap<string, TorchPlace> | undefined {
  const layers = new Set(names.map((name) => name.slice(0, name.lastIndexOf('.'))));
  let placeOf: (layer: string) => TorchPlace | undefined;
  if (layers.has('block1_conv1')) placeOf = vggPlaces(vggStages[layers.has('block3_conv4') ? 1 : 0]);
  else if (layers.has('conv1/conv') && layers.has('conv2_block1_0_bn')) placeOf = densenetPlace;
  else return undefined;
  const places = new Map<string, TorchPlace>();
  for (const name of names) {
    const dot = name.lastIndexOf('.');
    const place = placeOf(name.slice(0, dot));
    if (place === undefined) continue;
    const part = name.slice(dot);
    const isFlattened = place.flattened !== undefined && part === '.weight';
    places.set(name, { name: place.name + part, ...(isFlattened ? { flattened: place.flattened } : {}) });
  }
  return places;
}

function vggPlaces(stages: readonly number[]): (layer: string) => TorchPlace | undefined {
  const places = new Map<string, TorchPlace>();
  let index = 0;
  stages.forEach((convolutions, stage) => {
    for (let i = 1; i <= convolutions; i++) {
      places.set(`block${stage + 1}_conv${i}`, { name: `features.${index}` });
      index += 2;
    }
    index++;
  });
  places.set('fc1', { name: 'classifier.0', flattened: [7, 7, 512] });
  places.set('fc2', { name: 'classifier.3' });
  places.set('predictions', { name: 'classifier.6' });
  return (layer) => places.get(layer);
}

function densenetPlace(layer: string): TorchPlace | undefined {
  const top: Readonly<Record<string, string>> = {
    'conv1/conv': 'features.conv0',
    'conv1/bn': 'features.norm0',
    bn: 'features.norm5',
    fc1000: 'classifier',
    predictions: 'classifier',
  };
  if (Object.hasOwn(top, layer)) return { name: top[layer]! };
  const block = /^conv([2-5])_block(\d+)_(0_bn|1_conv|1_bn|2_conv)$/.exec(layer);
  if (block !== null) {
    const [, stage, number, part] = block;
    return { name: `features.denseblock${Number(stage) - 1}.denselayer${number}.${densePart[part!]}` };
  }
  const transition = /^pool([2-4])_(bn|conv)$/.exec(layer);
  if (transition === null) return undefined;
  const [, stage, part] = transition;
  return { name: `features.transition${Number(stage) - 1}.${part === 'bn' ? 'norm' : 'conv'}` };
}
