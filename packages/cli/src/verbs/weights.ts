import { Option } from 'commander';
import { collected } from '../options.ts';
import { UsageError } from '../terminal/error-report.ts';
import type { Verb } from '../verb.ts';

interface WeightsOptions {
  readonly only?: readonly string[];
  readonly from?: string;
  readonly name?: string;
  readonly key?: string;
  readonly force?: boolean;
}

/** Which options an action has. */
const optionsOf: Readonly<Record<string, readonly (keyof WeightsOptions)[]>> = {
  list: [],
  pull: ['only', 'from', 'force'],
  import: ['name', 'key', 'force'],
};

export const weights: Verb<WeightsOptions> = {
  name: 'weights',
  arguments: '<action> [what]',
  summary: 'List, download (pull) or import pretrained weights to start a training from',
  description:
    'list: what can be pulled, and what is in the cache. pull NAME: downloads weights that the list names; a ' +
    'broken or cancelled download goes on where it stopped, and the SHA-256 is checked; timm/NAME is the same. import FILE: takes a ' +
    '.safetensors, PyTorch .pth or .th, or Keras .h5 file into the cache; nothing in it is executed, and NaN or infinite numbers are refused. ' +
    'list and import never use the network. GLISSON_CACHE moves the cache. Mind the licence of the weights.',
  options: [
    new Option(
      '--only <prefix>',
      'pull: only arrays whose names begin so, by byte ranges; may be repeated',
    ).argParser(collected),
    new Option('--from <url>', 'pull: another address of the same file, for example a mirror'),
    new Option('--name <name>', 'import: under this name (default: the name of the file)'),
    new Option('--key <key>', 'import: where the state dict is in a PyTorch checkpoint'),
    new Option('--force', 'replace what is in the cache'),
  ],
  examples: [
    { command: 'glisson weights list', meaning: 'what there is' },
    { command: 'glisson weights pull resnet18.tv_in1k', meaning: 'download one of them' },
    {
      command: 'glisson weights pull vgg16.tv_in1k --only features.',
      meaning: 'its convolutions only: 59 MB instead of 553',
    },
    {
      command: 'glisson weights import densenet121.pth --name mine',
      meaning: 'a file that was brought by hand',
    },
  ],
  async run([action, what], options, context) {
    const allowed = Object.hasOwn(optionsOf, action!) ? optionsOf[action!] : undefined;
    if (allowed === undefined) throw new UsageError(`Expected list, pull or import, found '${action}'.`);
    for (const name of ['only', 'from', 'name', 'key', 'force'] as const) {
      if (options[name] !== undefined && !allowed.includes(name)) {
        throw new UsageError(`--${name} does not go with weights ${action}.`);
      }
    }
    if (action === 'list') {
      if (what !== undefined) throw new UsageError(`weights list takes no '${what}'.`);
      const { listWeights } = await import('../weights/list-weights.ts');
      return listWeights();
    }
    if (what === undefined) {
      throw new UsageError(
        `weights ${action} needs a ${action === 'pull' ? 'name: see weights list' : 'file'}.`,
      );
    }
    if (action === 'pull') {
      const { pull } = await import('../weights/pull.ts');
      return pull(what, options, context);
    }
    const { importFile } = await import('../weights/import-file.ts');
    return importFile(what, options, context);
  },
};
