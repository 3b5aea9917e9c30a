import { writeModel } from '../onnx/write-model.ts';
import { type Engine, type EngineOptions, openEngine } from '../runtime/engine.ts';
import { trainingForm } from '../runtime/training-form.ts';
import { type ParameterGroup, treatmentsOf } from './groups.ts';
import { type LaidOutState, layOutState, type StateReader } from './lay-out-state.ts';
import { reportName, type StepGraph, type StepGraphOptions, stepGraph } from './step-graph.ts';
import type { TrainerState } from './trainer-state.ts';
import type { Weights } from './weights.ts';

/** What all sessions of a trainer have in common. */
export interface TrainingSetup extends StepGraphOptions, StateReader {}

export interface SessionOptions extends TrainingSetup {
  readonly kernels: 'fast' | 'plain';
  readonly engine: EngineOptions;
}

/** A training graph of one choice of groups, with the numbers that it began with. */
export interface PreparedSession extends LaidOutState {
  readonly graph: StepGraph;
  readonly treatments: ReturnType<typeof treatmentsOf>;
}

/** A training graph that runs; its vectors are in the engine. */
export interface Session extends Omit<PreparedSession, 'vectors'> {
  readonly engine: Engine;
}

/** Builds the graph that goes on from `state`; throws a `NetworkError`, and nothing has happened then. */
export function prepareSession(
  setup: TrainingSetup,
  groups: readonly ParameterGroup[],
  state: TrainerState,
): PreparedSession {
  const { declarations, optimiser } = setup;
  const treatments = treatmentsOf(declarations.parameters, groups, optimiser.weightDecay);
  const laidOut = layOutState(state, treatments, setup);
  return { ...laidOut, treatments, graph: stepGraph(setup, laidOut.layout, laidOut.frozen) };
}

/**
 * Opens a prepared session in a thread of its own; its state vectors move. Rejects with a `NetworkError` as
 * `openEngine` does.
 */
export async function openSession(options: SessionOptions, prepared: PreparedSession): Promise<Session> {
  const { kernels, engine, network } = options;
  const form = await trainingForm(engine.provider, kernels);
  const model = writeModel({ name: network.name, outputs: prepared.graph.outputs, ...form });
  const opened = await openEngine(model, { ...engine, guard: reportName, state: prepared.vectors });
  const { vectors: _, ...session } = prepared;
  return { ...session, engine: opened };
}

/** Whether a running session's graph is that of `next`, so that only the state has to be written. */
export function hasGraphOf(session: Session, next: LaidOutState): boolean {
  const { layout, frozen } = session;
  return (
    JSON.stringify([layout.segments, layout.frozenNorms]) ===
      JSON.stringify([next.layout.segments, next.layout.frozenNorms]) && sameNumbers(frozen, next.frozen)
  );
}

function sameNumbers(a: Weights, b: Weights): boolean {
  const bits = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [own, other] = [bits(a[name]!.values), b[name] && bits(b[name].values)];
      return other !== undefined && own.every((value, i) => value === other[i]);
    })
  );
}
