import { canonicalJson } from '../../../plan/plan-text.ts';
import { type Dimension, gridOf, type Json, type Point, type Setting, valueAt } from './dimension.ts';

/** What a sweep varies, in an order in which every dimension comes after those that its conditions name. */
export interface Space {
  readonly dimensions: readonly Dimension[];
  /** Fields that do not vary, by the label of the recipe: what conditions on them look at. */
  readonly fixed: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** Label of the recipe where it does not vary. */
  readonly onlyRecipe: string;
}

/** Label of the recipe of a point. */
export function recipeOf(space: Space, point: Point): string {
  return String(point.recipe ?? space.onlyRecipe);
}

/**
 * Whether a dimension varies, given the settings of those before it. A field that neither varies nor is set counts as null.
 */
export function isActive(space: Space, dimension: Dimension, point: Point): boolean {
  return dimension.when.every(({ name, values, negated }) => {
    const found = candidatesOf(space, name, point).map(canonicalJson);
    const holds = values.some((value) => found.includes(canonicalJson(value)));
    return holds !== negated;
  });
}

/** What a name stands for at a point: for an option of a choice its label and its value. */
function candidatesOf(space: Space, name: string, point: Point): Json[] {
  if (name === 'recipe') return [recipeOf(space, point)];
  for (const dimension of space.dimensions) {
    if (dimension.name !== name && dimension.field !== name) continue;
    const setting = point[dimension.name];
    if (setting !== undefined) return [setting, valueAt(dimension, setting)];
  }
  return [space.fixed[recipeOf(space, point)]?.[name] ?? null];
}

/** A point, setting by setting: `choose` is asked for each dimension that varies there, in order. */
export function buildPoint(space: Space, choose: (dimension: Dimension) => Setting): Point {
  const point: Record<string, Setting> = {};
  for (const dimension of space.dimensions) {
    if (isActive(space, dimension, point)) point[dimension.name] = choose(dimension);
  }
  return point;
}

/**
 * All combinations of the settings that `settingsOf` gives (default: those of a grid), the last dimension changing fastest.
 */
export function* combinations(
  space: Space,
  settingsOf: (dimension: Dimension) => readonly Setting[] = (dimension) => gridOf(dimension) ?? [],
): Generator<Point> {
  yield* extend({}, 0);

  function* extend(point: Point, index: number): Generator<Point> {
    const dimension = space.dimensions[index];
    if (dimension === undefined) yield point;
    else if (!isActive(space, dimension, point)) yield* extend(point, index + 1);
    else
      for (const setting of settingsOf(dimension))
        yield* extend({ ...point, [dimension.name]: setting }, index + 1);
  }
}

/** The same text for the same point. */
export function pointKey(point: Point): string {
  return canonicalJson(point);
}

/** Recipe and fields of the plan at a point: what is fixed, and what varies over it. */
export function choicesAt(space: Space, point: Point): { recipe: string; fields: Record<string, Json> } {
  const recipe = recipeOf(space, point);
  const fields: Record<string, Json> = { ...space.fixed[recipe] };
  for (const dimension of space.dimensions) {
    const setting = point[dimension.name];
    if (setting !== undefined && dimension.field !== 'recipe')
      fields[dimension.field] = valueAt(dimension, setting);
  }
  return { recipe, fields };
}

/** Fields that vary, in order, each once, though several dimensions may set it. */
export function variedFields(space: Space): string[] {
  return [...new Set(space.dimensions.map(({ field }) => field))];
}

/** The settings of a point by field. */
export function settingsByField(space: Space, point: Point): Record<string, Setting> {
  const settings: Record<string, Setting> = {};
  for (const { name, field } of space.dimensions) {
    const setting = point[name];
    if (setting !== undefined) settings[field] = setting;
  }
  return settings;
}
