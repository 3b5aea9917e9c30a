import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { checkValue } from '../options/check-options.ts';
import { fromZero, objectWith } from '../options/rules.ts';
import { checkNumbers, emptied } from '../runtime/check-numbers.ts';
import { ignoredTarget, type TargetType } from './loss.ts';

export interface Batch {
  /** As `imageShape` says, row-major; its buffer moves to the engine and is empty afterwards. */
  readonly images: Float32Array;
  /** As the loss says; its buffer moves too. */
  readonly targets: Uint8Array | Float32Array;
  readonly learningRate: number;
}

const aBatch = objectWith('an object with images, targets and learningRate', {});

/** Throws a `NetworkError` that begins with `where` and says what of a batch does not fit. */
export function checkBatch(batch: Batch, imageShape: Shape, wanted: TargetType, where: string): void {
  checkValue(`${where}: the batch`, batch, aBatch);
  const { images, targets, learningRate } = batch;
  checkNumbers(images, 'float32', `${where}, images`);
  checkNumbers(targets, wanted.type, `${where}, targets`);
  const [imageSize, targetSize] = [sizeOf(imageShape), sizeOf(wanted.shape)];
  if (images.length !== imageSize || targets.length !== targetSize) {
    throw new NetworkError(
      'shape-mismatch',
      `${where}: expected images ${formatShape(imageShape)} (${imageSize} numbers) and targets ${formatShape(wanted.shape)} (${targetSize}), found ${images.length} and ${targets.length} numbers${emptied(images)}`,
    );
  }
  checkValue(`${where}: learningRate`, learningRate, fromZero);
  const { values: known } = wanted;
  if (known !== undefined) {
    const bad = targets.findIndex((value) => value >= known && value !== ignoredTarget);
    if (bad >= 0) {
      throw new NetworkError(
        'value-invalid',
        `${where}: the target at offset ${bad} is ${targets[bad]}, but classes go from 0 to ${known - 1}; ${ignoredTarget} marks what does not count`,
      );
    }
  }
  for (const [what, values] of Object.entries({ images, targets })) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw new NetworkError('not-finite', `${where}: the ${what} hold ${values[bad]} at offset ${bad}`);
  }
}
