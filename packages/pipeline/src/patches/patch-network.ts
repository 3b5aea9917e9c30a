import { densenet40 } from '@glisson/nn/models/cifar-densenet';
import { densenet } from '@glisson/nn/models/densenet';
import type { Network } from '@glisson/nn/models/network';
import { patchCnn } from '@glisson/nn/models/patch-cnn';
import { resnet } from '@glisson/nn/models/resnet';
import { vgg } from '@glisson/nn/models/vgg';
import type { PatchFamily, PatchNetwork } from '../plan/patch-plan.ts';

/** The classifier of a plan: patches [N, channels, size, size] to logits [N, 2], no lesion and lesion. */
export function patchNetwork(plan: PatchNetwork): Network {
  const { inputChannels, classes, padding, head, dropout } = plan;
  const common = { inputChannels, classes, padding, headDropout: dropout };
  const { stages } = plan as { readonly stages?: 1 | 2 | 3 | 4 };
  const build: Record<PatchFamily, () => Network> = {
    'patch-cnn': () =>
      patchCnn({
        inputChannels,
        classes,
        baseChannels: plan.baseChannels ?? undefined,
        dropout,
        pools: plan.pools ?? [2, 2, 2],
      }),
    vgg11: () => vgg({ ...common, depth: 11, head }),
    vgg16: () => vgg({ ...common, depth: 16, head }),
    resnet18: () => resnet({ ...common, depth: 18, stages }),
    resnet50: () => resnet({ ...common, depth: 50, stages }),
    densenet40: () => densenet40({ ...common, form: 'fast' }),
    densenet121: () => densenet({ ...common, depth: 121 }),
  };
  return build[plan.family]();
}
