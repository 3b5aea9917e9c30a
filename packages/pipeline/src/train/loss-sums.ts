/** What a loss needs to know of the pixels that were scored; sums of parts add up. */
export interface LossSums {
  /** By class of the truth: sum of - ln of the probability of that class. */
  readonly logLoss: Float64Array;
  /** By class of the truth: pixels. */
  readonly pixels: Float64Array;
  /** By class: sum of its probabilities over all pixels. */
  readonly predicted: Float64Array;
  /** By class: sum of its probabilities over the pixels that are of it. */
  readonly hit: Float64Array;
}

/** A float32 softmax gives no less than this, save 0. */
const least = 1e-7;

/** Empty sums. */
export function createLossSums(classes: number): LossSums {
  const zeros = () => new Float64Array(classes);
  return { logLoss: zeros(), pixels: zeros(), predicted: zeros(), hit: zeros() };
}

/** Adds a pixel's probability of one class. */
export function addProbability(sums: LossSums, ofClass: number, probability: number, truth: number): void {
  sums.predicted[ofClass]! += probability;
  if (ofClass !== truth) return;
  sums.hit[truth]! += probability;
  sums.pixels[truth]!++;
  sums.logLoss[truth]! -= Math.log(Math.max(least, probability));
}

function total(list: readonly LossSums[], of: keyof LossSums): number[] {
  const classes = list[0]?.pixels.length ?? 0;
  return Array.from({ length: classes }, (_, c) => list.reduce((sum, one) => sum + one[of][c]!, 0));
}

/**
 * The loss of segmentations (see `segmentationLoss` of nn) over all pixels that were scored, as if they were one batch; null
 * when nothing was. Whole slices hold more that is easy than training patches: its course says more than its level.
 */
export function segmentationLossOf(
  list: readonly LossSums[],
  loss: {
    readonly crossEntropyWeight: number;
    readonly diceWeight: number;
    readonly classWeights: readonly number[];
  },
): number | null {
  const [logLoss, pixels, predicted, hit] = (['logLoss', 'pixels', 'predicted', 'hit'] as const).map((of) =>
    total(list, of),
  ) as [number[], number[], number[], number[]];
  const weighted = (values: readonly number[]) =>
    values.reduce((sum, value, c) => sum + value * loss.classWeights[c]!, 0);
  if (weighted(pixels) === 0) return null;
  const dice = pixels.map((count, c) => (2 * hit[c]! + 1) / (predicted[c]! + count + 1)).slice(1);
  const meanDice = dice.reduce((a, b) => a + b, 0) / dice.length;
  return (loss.crossEntropyWeight * weighted(logLoss)) / weighted(pixels) + loss.diceWeight * (1 - meanDice);
}

/**
 * The cross-entropy of a classifier over all pixels that were scored, the classes mixed as in a training batch, so that its
 * level can be compared with the training loss; null where a class is missing.
 * @param shares of each class in a batch
 */
export function classificationLossOf(
  list: readonly LossSums[],
  shares: readonly number[],
  classWeights: readonly number[],
): number | null {
  const logLoss = total(list, 'logLoss');
  const pixels = total(list, 'pixels');
  if (pixels.length === 0 || pixels.some((count) => count === 0)) return null;
  const weights = pixels.map((_, c) => shares[c]! * classWeights[c]!);
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum === 0
    ? null
    : weights.reduce((loss, weight, c) => loss + (weight * logLoss[c]!) / pixels[c]!, 0) / sum;
}
