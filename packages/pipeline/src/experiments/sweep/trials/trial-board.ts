import type { Decision } from '../decisions.ts';
import type { Observation } from '../samplers/sampler.ts';
import type { Point } from '../space/dimension.ts';
import { pointKey } from '../space/space.ts';
import type { TrialProgress } from './messages.ts';
import type { TrialView } from './trial-view.ts';

interface Row extends TrialView {
  readonly bestByEpoch: readonly number[];
}

/** All trials of a sweep: what its decisions say of them, and how far the running ones are. */
export interface TrialBoard {
  apply(decision: Decision): void;
  progress(trial: number, progress: TrialProgress): void;
  running(trial: number): void;
  readonly trials: readonly TrialView[];
  /** Points of all trials that were begun. */
  readonly taken: ReadonlySet<string>;
  /** Ended trials, by number. */
  readonly known: readonly Observation[];
  /** Trials that were begun and have not ended, by number. */
  readonly open: readonly TrialView[];
  /** The answer that was given after this epoch; undefined: it was not asked. */
  answerAt(trial: number, epoch: number): boolean | undefined;
  /** Best score of a trial up to an epoch. */
  bestUpTo(trial: number, epoch: number): number | undefined;
  /** The same of the other trials that have come that far. */
  othersUpTo(trial: number, epoch: number): Record<string, number>;
}

export function createTrialBoard(decisions: readonly Decision[]): TrialBoard {
  const rows = new Map<number, Row>();
  const taken = new Set<string>();
  const answers = new Map<string, boolean>();
  const change = (trial: number, changes: Partial<Row>) => {
    const row = rows.get(trial);
    if (row !== undefined) rows.set(trial, { ...row, ...changes });
  };
  const sorted = () => [...rows.values()].sort((a, b) => a.trial - b.trial);
  const bestUpTo = (trial: number, epoch: number) => rows.get(trial)?.bestByEpoch[epoch - 1];

  const board: TrialBoard = {
    apply(decision) {
      const { trial } = decision;
      if (decision.kind === 'trial') {
        rows.set(trial, begun(trial, decision.point));
        taken.add(pointKey(decision.point));
      } else if (decision.kind === 'epoch') {
        const { epoch, score, goOn } = decision;
        answers.set(`${trial} ${epoch}`, goOn);
        const bestByEpoch = [...(rows.get(trial)?.bestByEpoch ?? [])];
        bestByEpoch[epoch - 1] = Math.max(score, bestByEpoch[epoch - 2] ?? -Infinity);
        change(trial, { epoch, best: bestByEpoch[epoch - 1]!, bestByEpoch });
      } else {
        const { state, objective, error } = decision;
        change(trial, { state, best: objective, share: 1, stage: '', ...(error !== undefined && { error }) });
      }
    },
    progress(trial, { stage, done, total }) {
      const share = stage === 'train' && total > 0 ? done / total : rows.get(trial)?.share;
      change(trial, { stage, share: share ?? 0 });
    },
    running: (trial) => change(trial, { state: 'running', stage: 'starting' }),
    get trials() {
      return sorted();
    },
    taken,
    get known() {
      return sorted()
        .filter(({ state }) => state !== 'running' && state !== 'interrupted')
        .map(({ trial, point, state, best }) => ({ trial, point, value: state === 'failed' ? null : best }));
    },
    get open() {
      return sorted().filter(({ state }) => state === 'running' || state === 'interrupted');
    },
    answerAt: (trial, epoch) => answers.get(`${trial} ${epoch}`),
    bestUpTo,
    othersUpTo(trial, epoch) {
      const others: Record<string, number> = {};
      for (const row of sorted()) {
        const best = bestUpTo(row.trial, epoch);
        if (row.trial !== trial && best !== undefined) others[row.trial] = best;
      }
      return others;
    },
  };
  for (const decision of decisions) board.apply(decision);
  return board;
}

function begun(trial: number, point: Point): Row {
  return {
    trial,
    point,
    state: 'interrupted',
    epoch: 0,
    best: null,
    share: 0,
    stage: '',
    bestByEpoch: [],
  };
}
