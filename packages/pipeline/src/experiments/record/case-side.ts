import { caseIdOf } from '../../evaluate/match-cases.ts';
import type { SplitPlan } from '../../plan/plan.ts';
import type { CaseSide } from './run-record.ts';

/**
 * Side and patient of a case by a split. Cases are named as datasets and mask files name them: `volume-6` and
 * `labels-6` are both case 6. A case that the split does not name has side `unknown`: its patient may be in training
 * under another name.
 */
export function placeCase(
  split: SplitPlan | null,
  name: string,
): { readonly side: CaseSide; readonly patient: string } {
  if (split === null) return { side: 'unknown', patient: name };
  for (const side of ['train', 'validation', 'test'] as const) {
    const found =
      split[side].find((id) => id === name) ?? split[side].find((id) => caseIdOf(id) === caseIdOf(name));
    if (found !== undefined) return { side, patient: split.patients[found] ?? found };
  }
  return { side: 'unknown', patient: name };
}
