/** How an image goes in: channels, then value * scale, then (value - mean) / sd per channel. */
export interface InputNormalisation {
  readonly channels: 'RGB' | 'BGR';
  /** Pixels are 0 to 255 before it. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly sd: readonly number[];
}

/** A weight file that can be downloaded. */
export interface WeightSource {
  readonly name: string;
  /** One of `knownNetworks`. */
  readonly network: string;
  readonly url: string;
  /** As the publisher states it, to three digits. */
  readonly approximateBytes: number;
  /** Of the whole file, in hexadecimal. */
  readonly sha256: string;
  readonly format: 'safetensors';
  /** As the publisher's page states it, by its SPDX name; read it there before you use the weights. */
  readonly licence: string;
  readonly trainedOn: string;
  readonly input: InputNormalisation;
  readonly citation: string;
}

const imagenet: InputNormalisation = {
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  sd: [0.229, 0.224, 0.225],
};

/** Weights that torchvision trained and timm republished on the Hugging Face hub. */
function timm(
  network: string,
  about: Pick<WeightSource, 'approximateBytes' | 'sha256' | 'licence' | 'citation'>,
): WeightSource {
  const name = `${network}.tv_in1k`;
  return {
    name,
    network,
    url: `https://huggingface.co/timm/${name}/resolve/main/model.safetensors`,
    format: 'safetensors',
    trainedOn: 'ImageNet-1k',
    input: imagenet,
    ...about,
  };
}

const resnetPaper =
  'He, Zhang, Ren, Sun: Deep residual learning for image recognition. CVPR 2016, arXiv:1512.03385.';

export const weightSources: readonly WeightSource[] = [
  timm('vgg16', {
    approximateBytes: 553e6,
    sha256: '57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8',
    licence: 'BSD-3-Clause',
    citation:
      'Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition. ICLR 2015, arXiv:1409.1556.',
  }),
  timm('resnet18', {
    approximateBytes: 46.8e6,
    sha256: '694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81',
    licence: 'BSD-3-Clause',
    citation: resnetPaper,
  }),
  timm('resnet50', {
    approximateBytes: 102e6,
    sha256: '5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888',
    licence: 'BSD-3-Clause',
    citation: resnetPaper,
  }),
  timm('densenet121', {
    approximateBytes: 32.3e6,
    sha256: 'c894c6d9caa317a8ca1942986dee7a16a86c77734a4d691d2abe05389cfef358',
    licence: 'Apache-2.0',
    citation:
      'Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks. CVPR 2017, arXiv:1608.06993.',
  }),
];

/** What publishers and their tools write before the names of timm's weights. */
const publisher = /^(?:hf[-_]hub:)?timm\//;

/**
 * The source of a name: as the registry has it ('resnet18.tv_in1k'), or with the publisher before it as its page and timm
 * write it ('timm/resnet18.tv_in1k'). Undefined where there is none.
 */
export function findSource(
  name: string,
  sources: readonly WeightSource[] = weightSources,
): WeightSource | undefined {
  const named = (wanted: string) => sources.find((source) => source.name === wanted);
  return named(name) ?? named(name.replace(publisher, ''));
}
