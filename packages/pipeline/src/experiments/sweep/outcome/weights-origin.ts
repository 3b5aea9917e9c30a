import { basename } from 'node:path';
import type { Point } from '../space/dimension.ts';
import { choicesAt, type Space } from '../space/space.ts';
import type { SweepSpec } from '../spec/sweep-spec.ts';

const weightsField = 'training.transfer.weights';

/**
 * Where the first weights of a trial come from, in a word: the label of the option that chose their file, what the sweep says of the
 * recipe, the file's name, or `random`.
 */
export function weightsOrigin(spec: SweepSpec, space: Space, point: Point): string {
  const { recipe, fields } = choicesAt(space, point);
  const file = fields[weightsField];
  if (file === undefined || file === null) return 'random';
  const chosen = space.dimensions.find(
    ({ name, field }) => field === weightsField && point[name] !== undefined,
  );
  if (chosen !== undefined && point[chosen.name] !== file) return String(point[chosen.name]);
  return spec.recipes[recipe]?.weights ?? basename(String(file));
}
