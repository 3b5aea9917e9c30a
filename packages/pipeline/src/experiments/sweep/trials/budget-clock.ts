import type { Budget } from '../spec/sweep-spec.ts';

export interface BudgetClock {
  /** Seconds that the sweep has run, earlier sittings included. */
  used(): number;
  /** Whether its minutes are over. */
  isOver(): boolean;
  /** Seconds of its minutes that are left. */
  left(): number | undefined;
}

/** @param usedBefore seconds of earlier sittings */
export function createBudgetClock(budget: Budget, usedBefore: number): BudgetClock {
  const began = performance.now();
  const used = () => usedBefore + (performance.now() - began) / 1000;
  const left = () => (budget.minutes === undefined ? undefined : Math.max(0, budget.minutes * 60 - used()));
  return { used, left, isOver: () => left() === 0 };
}
