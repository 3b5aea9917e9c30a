import { classification } from '../training/classification.ts';
import { serialiseState } from '../training/state-file.ts';
import { createTrainer, type Trainer, type TrainerOptions } from '../training/trainer.ts';
import { classifiedBatch } from './classified-batches.ts';
import { testRandom } from './numbers.ts';
import { tinyClassifier } from './tiny-networks.ts';

export const tinyImageShape = [4, 2, 8, 10] as const;

/** A trainer of the tiny classifier with AdamW, on one thread, unless the options say otherwise. */
export function tinyTrainer(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return createTrainer({
    network: tinyClassifier(),
    imageShape: tinyImageShape,
    loss: classification(),
    optimiser: { name: 'adamw', weightDecay: 1e-2 },
    weightAverageDecay: 0.9,
    random: testRandom(1),
    threads: 1,
    ...more,
  });
}

/** Trains on the batches numbered `from` up to, but without, `to`. */
export async function runTiny(
  trainer: Trainer,
  from: number,
  to: number,
  learningRate = 1e-2,
): Promise<void> {
  for (let i = from; i < to; i++) {
    await trainer.step({ ...classifiedBatch(i, tinyImageShape), learningRate });
  }
}

/** All bytes of a trainer's state. */
export async function bytesOf(trainer: Trainer): Promise<Buffer> {
  return Buffer.from(serialiseState(await trainer.snapshot()));
}
