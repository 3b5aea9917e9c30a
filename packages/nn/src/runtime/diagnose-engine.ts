/** What the engine says about itself, and whether it computes. */
export interface EngineDiagnosis {
  readonly version?: string;
  /** Execution providers inside this build, e.g. `cpu`, `webgpu`. */
  readonly providers: readonly string[];
  /** Why the engine cannot be used; absent when a small session ran and was right. */
  readonly problem?: string;
}

/** Loads ONNX Runtime and runs a two-number ReLU. Never throws: what goes wrong is the answer. */
export async function diagnoseEngine(): Promise<EngineDiagnosis> {
  let version: string | undefined;
  let providers: string[] = [];
  try {
    const ort = await import('onnxruntime-node');
    version = ort.env.versions.node;
    providers = ort
      .listSupportedBackends()
      .filter((backend) => backend.bundled)
      .map((backend) => backend.name);
    const session = await ort.InferenceSession.create(reluModel());
    const input = new ort.Tensor('float32', Float32Array.of(-1, 2), [2]);
    const { y } = await session.run({ x: input });
    await session.release();
    const values = [...(y!.data as Float32Array)];
    if (values[0] === 0 && values[1] === 2) return { version, providers };
    return { version, providers, problem: `ReLU of -1, 2 gave ${values.join(', ')}` };
  } catch (error) {
    return { version, providers, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The smallest useful ONNX file, field by field: y[2] = Relu(x[2]), IR version 8, opset 13. */
function reluModel(): Uint8Array {
  const field = (tag: number, content: readonly number[]) => [(tag << 3) | 2, content.length, ...content];
  const number = (tag: number, value: number) => [tag << 3, value];
  const text = (tag: number, value: string) => field(tag, [...Buffer.from(value)]);
  const vectorOfTwo = (name: string) => {
    const shape = field(2, field(1, number(1, 2)));
    return [...text(1, name), ...field(2, field(1, [...number(1, 1), ...shape]))];
  };
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Relu')];
  const graph = [
    ...field(1, node),
    ...text(2, 'relu'),
    ...field(11, vectorOfTwo('x')),
    ...field(12, vectorOfTwo('y')),
  ];
  return Uint8Array.from([...number(1, 8), ...field(7, graph), ...field(8, number(2, 13))]);
}
