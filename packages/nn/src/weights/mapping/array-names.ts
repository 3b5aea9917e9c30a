/** A rule that gives an array of a file another name that it may have in a network. */
export interface Rename {
  readonly pattern: RegExp;
  /** As `String.replace` takes it. */
  readonly replacement: string;
}

/** What wrappers put before the names: data-parallel training, `torch.compile`, training programs. */
export const usualPrefixes: readonly string[] = [
  'module.',
  '_orig_mod.',
  'state_dict.',
  'model.',
  'net.',
  'network.',
  'backbone.',
  'encoder.',
];

/** Names of the last layer, whose size is the number of classes. */
export const usualHeads: readonly string[] = [
  'fc',
  'linear',
  'last_linear',
  'classifier',
  'classifier.1',
  'classifier.6',
  'head',
  'head.fc',
];

const rename = (pattern: RegExp, replacement: string): Rename => ({ pattern, replacement });

/** Different names of the same arrays in torchvision and timm, of several years, in both directions. */
export const usualRenames: readonly Rename[] = [
  // DenseNet as torchvision published it: norm.1 became norm1.
  rename(/(denselayer\d+\.(?:norm|conv))\.([12])\./, '$1$2.'),
  // The fully connected layers of VGG: timm's names, torchvision's names.
  rename(/^pre_logits\.fc1\./, 'classifier.0.'),
  rename(/^pre_logits\.fc2\./, 'classifier.3.'),
  rename(/^head\.fc\./, 'classifier.6.'),
  rename(/^classifier\.0\./, 'pre_logits.fc1.'),
  rename(/^classifier\.3\./, 'pre_logits.fc2.'),
  rename(/^classifier\.6\./, 'head.fc.'),
  // The one classifying layer.
  ...['fc', 'linear', 'last_linear', 'classifier'].map((name) =>
    rename(/^(?:fc|linear|last_linear|classifier)\.(weight|bias)$/, `${name}.$1`),
  ),
  // torch.nn.Sequential(*network.children()): ResNet's stem and stages, DenseNet's features.
  rename(/^0\.weight$/, 'conv1.weight'),
  rename(/^1\.(weight|bias|running_mean|running_var|num_batches_tracked)$/, 'bn1.$1'),
  rename(/^4\.(\d+\.)/, 'layer1.$1'),
  rename(/^5\.(\d+\.)/, 'layer2.$1'),
  rename(/^6\.(\d+\.)/, 'layer3.$1'),
  rename(/^7\.(\d+\.)/, 'layer4.$1'),
  rename(/^0\.((?:conv|norm|denseblock|transition)\d)/, 'features.$1'),
];

/** Whether an array is a counter of training batches, which nothing here needs. */
export function isBatchCounter(name: string): boolean {
  return name.endsWith('num_batches_tracked');
}

/**
 * The names that an array of a file may have in a network, the most literal first: as it is, without prefixes, and
 * each of these renamed.
 */
export function possibleNames(
  name: string,
  prefixes: readonly string[],
  renames: readonly Rename[],
): readonly string[] {
  const names = new Set([name]);
  // A set may grow while it is walked: 'module.backbone.' loses both.
  for (const known of names) {
    for (const prefix of prefixes) {
      if (prefix !== '' && known.startsWith(prefix)) names.add(known.slice(prefix.length));
    }
  }
  for (const known of [...names]) {
    for (const { pattern, replacement } of renames) {
      if (pattern.test(known)) names.add(known.replace(pattern, replacement));
    }
  }
  return [...names];
}
