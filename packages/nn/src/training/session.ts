import { writeModel } from '../onnx/write-model.ts';
import { type Engine, type EngineOptions, openEngine } from '../runtime/engine.ts';
import type { EngineState } from '../runtime/messages.ts';
import { trainingForm } from '../runtime/training-form.ts';
import { type ParameterGroup, treatmentsOf } from './groups.ts';
import { type LaidOutState, layOutState, type StateReader } from './lay-out-state.ts';
import { type SegmentUpdates, segmentUpdates, updateModel } from './segment-updates.ts';
import { segmentVector } from './state-vectors.ts';
import { gradientKind, reportName, type StepGraph, type StepGraphOptions, stepGraph } from './step-graph.ts';
import type { TrainerState } from './trainer-state.ts';
import type { Weights } from './weights.ts';

/** What all sessions of a trainer have in common. */
export interface TrainingSetup extends StepGraphOptions, StateReader {}

export interface SessionOptions extends TrainingSetup {
  readonly kernels: 'fast' | 'plain';
  readonly engine: EngineOptions;
}

/** The training graphs of one choice of groups, with the numbers that they began with. */
export interface PreparedSession extends LaidOutState {
  readonly graph: StepGraph;
  readonly updates: SegmentUpdates;
  readonly treatments: ReturnType<typeof treatmentsOf>;
}

/** A training graph that runs; its vectors are in the engine. */
export interface Session extends Omit<PreparedSession, 'vectors'> {
  readonly engine: Engine;
}

/** Builds the graphs that go on from `state`; throws a `NetworkError`, and nothing has happened then. */
export function prepareSession(
  setup: TrainingSetup,
  groups: readonly ParameterGroup[],
  state: TrainerState,
): PreparedSession {
  const { declarations, optimiser } = setup;
  const treatments = treatmentsOf(declarations.parameters, groups, optimiser.weightDecay);
  const laidOut = layOutState(state, treatments, setup);
  const { layout, frozen } = laidOut;
  const graph = stepGraph(setup, layout, frozen);
  return { ...laidOut, treatments, graph, updates: segmentUpdates(setup, layout) };
}

/**
 * Opens a prepared session in a thread of its own; its state vectors move. Rejects with a `NetworkError` as
 * `openEngine` does.
 */
export async function openSession(options: SessionOptions, prepared: PreparedSession): Promise<Session> {
  const { kernels, engine, network } = options;
  const form = await trainingForm(engine.provider, kernels);
  const { vectors: _, ...session } = prepared;
  const model = writeModel({ name: network.name, outputs: prepared.graph.outputs, ...form });
  const opened = await openEngine(model, { ...engine, kept: engineState(prepared) });
  return { ...session, engine: opened };
}

/** What the engine of a prepared session keeps: its state vectors, and how runs take part in them. */
export function engineState({ vectors, graph, updates, layout }: PreparedSession): EngineState {
  return {
    state: vectors,
    scratch: Object.fromEntries(layout.segments.map(({ size }, i) => [segmentVector(gradientKind, i), size])),
    inputs: graph.inputs,
    outputs: graph.gradients,
    results: Object.fromEntries(
      Object.entries(graph.outputs)
        .filter(([name]) => !graph.gradients.some((gradient) => gradient.name === name))
        .map(([name, { shape }]) => [name, shape]),
    ),
    updates: Object.fromEntries([...updates.graphs].map(([name, each]) => [name, updateModel(name, each)])),
    guard: reportName,
  };
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
