import type { EngineTensor } from '../runtime/backend.ts';
import { openEngine } from '../runtime/engine.ts';
import { relativeError } from './numbers.ts';
import type { RecordedCase } from './record-case.ts';

export interface CaseResult {
  /** What ran the nodes, see `EngineReport`; empty when the engine refused the model. */
  readonly providers: readonly string[];
  /** Largest relative error of the outputs (Euclidean norms) against float64. */
  readonly error: number;
  /** Why there are no numbers. */
  readonly problem?: string;
}

/** Runs a recorded graph on the platform that this is called on. */
export async function runCase(recorded: RecordedCase, provider = 'cpu'): Promise<CaseResult> {
  const bytes = atob(provider === 'cpu' ? recorded.models.plain : recorded.models.portable);
  const feeds = Object.entries(recorded.feeds).map(([name, { type, dims, data }]) => {
    const values = type === 'uint8' ? Uint8Array.from(data) : Float32Array.from(data);
    return [name, { data: values, dims }] as const;
  });
  try {
    const model = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
    const engine = await openEngine(model, { provider, threads: 1 });
    try {
      const request = { kind: 'run', feeds: Object.fromEntries<EngineTensor>(feeds) } as const;
      const outputs = await engine.send(request);
      const errors = Object.entries(recorded.expected).map(([name, values]) =>
        relativeError(outputs[name]!.data, values),
      );
      return { providers: engine.report.providers, error: Math.max(...errors) };
    } finally {
      await engine.close();
    }
  } catch (error) {
    return { providers: [], error: Number.POSITIVE_INFINITY, problem: (error as Error).message };
  }
}
