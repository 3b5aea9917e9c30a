import { NetworkError } from '../errors/network-error.ts';
import {
  describeSizes,
  type ImageSizeRule,
  nextSize,
  readSizeMetadata,
  sizeFits,
} from '../graph/image-size.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { readInput } from '../onnx/read-input.ts';
import { readModelMetadata } from '../onnx/read-metadata.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { aSignal, bytes, count, finite, listOf, optional, text } from '../options/rules.ts';
import type { EngineReport } from './backend.ts';
import { checkNumbers, emptied } from './check-numbers.ts';
import { openEngine } from './engine.ts';

export interface PredictorOptions {
  /** Execution provider (default 'cpu'): see `SessionOptions`. */
  readonly provider?: string;
  /** Threads that compute (default: as many as the process may use). */
  readonly threads?: number;
  /** What is pending then rejects at once with the signal's reason; the thread ends after the run it is in. */
  readonly signal?: AbortSignal;
}

const rules: Rules<PredictorOptions> = {
  provider: optional(text),
  threads: optional(count),
  signal: optional(aSignal),
};
const someSizes = listOf('sizes, such as [1, 3, 256, 256]', finite);

export interface Prediction {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A trained network, ready to run. */
export interface Predictor {
  readonly metadata: Readonly<Record<string, string>>;
  /** Which spatial sizes a model of open size takes; undefined for others, and for models that do not tell. */
  readonly imageSizes: ImageSizeRule | undefined;
  /** Which providers and how many threads run it. */
  readonly engine: EngineReport;
  /**
   * Runs the network on `image`, row-major [N, C, H, W] as in `dims`. The array's buffer moves to the engine and is
   * empty afterwards. Returns the model's probabilities (logits, where it was exported without an activation)
   * [N, classes, ...]. Throws a `NetworkError`: 'shape-mismatch' and 'type-mismatch' where the image is none of the
   * model's or of a size that it does not take, 'engine-failed', 'out-of-memory', 'closed'.
   */
  run(image: Float32Array, dims: Shape): Promise<Prediction>;
  close(): Promise<void>;
}

/** Input and output of exported models. */
export const imageName = 'image';
export const probabilitiesName = 'probabilities';
/** Output of those exported without an activation. */
export const logitsName = 'logits';

/** Opens an exported model in a worker thread. Throws a `NetworkError` when the model is damaged. */
export async function createPredictor(model: Uint8Array, options: PredictorOptions = {}): Promise<Predictor> {
  checkValue('createPredictor: model', model, bytes);
  checkOptions('createPredictor', options, rules);
  const metadata = readModelMetadata(model);
  const sizes = readSizeMetadata(metadata);
  const wanted = readInput(model, imageName);
  const engine = await openEngine(model, options);
  return {
    metadata,
    imageSizes: sizes,
    engine: engine.report,
    run: async (image, dims) => {
      checkNumbers(image, 'float32', 'predictor');
      checkValue('predictor: dims', dims, someSizes);
      if (image.length !== sizeOf(dims)) {
        throw new NetworkError(
          'shape-mismatch',
          `predictor: ${image.length} numbers do not fill an image ${formatShape(dims)}${emptied(image)}`,
        );
      }
      if (wanted !== undefined && !fits(dims, wanted)) {
        throw new NetworkError(
          'shape-mismatch',
          `predictor: the model takes images [${wanted.join(', ')}], found ${formatShape(dims)}`,
        );
      }
      const size = dims.slice(2);
      if (sizes !== undefined && !sizeFits(size, sizes)) {
        throw new NetworkError(
          'shape-mismatch',
          `predictor: the model takes images with a spatial size ${describeSizes(sizes)}, found ${formatShape(dims)}. Pad it to ${nextSize(size, sizes).join(' x ')}, say.`,
        );
      }
      const outputs = await engine
        .send({ kind: 'run', feeds: { [imageName]: { data: image, dims } } }, [image.buffer as ArrayBuffer])
        .catch((cause: unknown) => {
          if (!(cause instanceof NetworkError && cause.code === 'engine-failed')) throw cause;
          throw new NetworkError(
            'engine-failed',
            `predictor: the model failed on an image ${formatShape(dims)}. Is it too small for the network, or a side not divisible as it must be? (${cause.message})`,
            { cause },
          );
        });
      const result = outputs[probabilitiesName] ?? outputs[logitsName];
      if (result === undefined) {
        throw new NetworkError(
          'unsupported',
          `the model has no output '${probabilitiesName}' or '${logitsName}', only: ${Object.keys(outputs).join(', ')}`,
        );
      }
      return { data: result.data as Float32Array, dims: result.dims };
    },
    close: () => engine.close(),
  };
}

function fits(dims: Shape, wanted: readonly (number | string)[]): boolean {
  return (
    dims.length === wanted.length &&
    dims.every(
      (size, axis) =>
        Number.isInteger(size) && size >= 0 && (typeof wanted[axis] === 'string' || size === wanted[axis]),
    )
  );
}
