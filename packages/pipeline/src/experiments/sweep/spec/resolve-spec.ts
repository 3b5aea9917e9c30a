import { nearestName } from '../../../plan/nearest-name.ts';
import { leafPaths } from '../../../plan/plan-fields.ts';
import { findRecipe, type Recipe } from '../../../plan/recipes/recipes.ts';
import { parseFields } from '../../../plan/set-fields.ts';
import { gridPoints, largestGrid } from '../samplers/grid.ts';
import type { Condition, Dimension, Json, Option } from '../space/dimension.ts';
import { gridOf } from '../space/dimension.ts';
import { asSweepError, sweepError } from '../sweep-error.ts';
import type { WrittenDimension, WrittenSpec } from './spec-schema.ts';
import { type SweepRecipe, type SweepSpec, spaceOf } from './sweep-spec.ts';

const kinds = ['choice', 'uniform', 'loguniform', 'int'] as const;

/**
 * Fills in what a sweep leaves open, and checks names and values against the schemas of its recipes.
 * @throws PipelineError `sweep-invalid`
 */
export function resolveSpec(written: WrittenSpec, file: string): SweepSpec {
  const recipes = recipesOf(written, file);
  const schemas = Object.fromEntries(
    Object.entries(recipes).map(([label, { recipe }]) => [
      label,
      wrapped(`${file}: recipes`, () => findRecipe(recipe)),
    ]),
  );
  const set = written.set ?? {};
  for (const [label, recipe] of Object.entries(schemas)) {
    checkFields(set, recipe, `${file}: set, for ${label}`);
    checkFields(recipes[label]!.set, recipe, `${file}: recipes.${label}.set`);
  }

  const named = Object.entries(written.space).map(([name, entry]) => readDimension(name, entry, file));
  const isRecipeVaried = named.some(({ field }) => field === 'recipe');
  const dimensions = inOrder(
    isRecipeVaried || Object.keys(recipes).length === 1 ? named : [recipeDimension(recipes), ...named],
    file,
  );
  for (const dimension of dimensions) checkDimension(dimension, dimensions, schemas, file);

  const trials = written.budget?.trials;
  const sampler = { name: 'random' as const, ...written.sampler };
  const list = (names: string | readonly string[] | undefined) => [names ?? []].flat();
  const { stopping } = written;
  const spec: SweepSpec = {
    name: written.name,
    data: written.data,
    split: { validation: list(written.split.validation), test: list(written.split.test) },
    recipes,
    set,
    dimensions,
    sampler: {
      name: sampler.name,
      seed: sampler.seed ?? 1,
      ...(sampler.startup !== undefined && { startup: sampler.startup }),
      ...(trials !== undefined && { size: trials }),
    },
    stopping:
      stopping === undefined || stopping.method === 'none'
        ? null
        : { minEpochs: stopping.minEpochs ?? 1, factor: stopping.factor ?? 3 },
    objective: written.objective ?? 'lesionDice',
    threads: written.threads ?? 1,
    budget: written.budget ?? {},
    ...(written.workers !== undefined && { workers: written.workers }),
  };
  checkDesign(spec, file);
  return spec;
}

function recipesOf(written: WrittenSpec, file: string): Record<string, SweepRecipe> {
  const { recipe, recipes } = written;
  if ((recipe === undefined) === (recipes === undefined)) {
    throw sweepError('A sweep has one recipe, or several under recipes.', {
      where: file,
      found: recipe === undefined ? 'neither recipe nor recipes' : 'both',
      expected: 'recipe: patch-small, for example, or recipes with a name for each',
    });
  }
  if (recipe !== undefined) return { [recipe]: { recipe, set: {} } };
  if (Array.isArray(recipes))
    return Object.fromEntries(recipes.map((name) => [name, { recipe: name, set: {} }]));
  const entries = Object.entries(recipes as Exclude<typeof recipes, undefined | string[]>);
  if (entries.length === 0) throw sweepError('A sweep needs a recipe.', { where: `${file}: recipes` });
  return Object.fromEntries(entries.map(([label, entry]) => [label, { ...entry, set: entry.set ?? {} }]));
}

function recipeDimension(recipes: Readonly<Record<string, SweepRecipe>>): Dimension {
  const options = Object.keys(recipes).map((label) => ({ label, value: label }));
  return { kind: 'choice', name: 'recipe', field: 'recipe', when: [], options };
}

function readDimension(name: string, entry: WrittenDimension, file: string): Dimension {
  const where = `${file}: space.${name}`;
  const given = kinds.filter((kind) => entry[kind] !== undefined);
  const kind = given[0];
  if (kind === undefined || given.length > 1) {
    throw sweepError('An entry of the space says in one way what is tried.', {
      where,
      found: given.length === 0 ? 'nothing' : given.join(' and '),
      expected: kinds.join(', '),
    });
  }
  const base = { name, field: entry.field ?? name, when: conditionsOf(entry.when ?? {}) };
  if (kind === 'choice') {
    if (entry.points !== undefined)
      throw sweepError('A choice has no points: a grid tries all of its values.', { where });
    return { ...base, kind, options: optionsOf(entry.choice!, where) };
  }
  const [low, high] = entry[kind]!;
  const isSound =
    low < high &&
    (kind !== 'loguniform' || low > 0) &&
    (kind !== 'int' || [low, high].every(Number.isInteger));
  if (!isSound) {
    throw sweepError('A range cannot be this.', {
      where,
      found: `${kind} from ${low} to ${high}`,
      expected: `the smaller number first${kind === 'loguniform' ? ', both above 0' : kind === 'int' ? ', both whole' : ''}`,
    });
  }
  return { ...base, kind, low, high, points: entry.points ?? null };
}

function conditionsOf(when: NonNullable<WrittenDimension['when']>): Condition[] {
  return Object.entries(when).map(([name, wanted]) => {
    const negated = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted);
    const values = negated ? (wanted as { not: Json | Json[] }).not : (wanted as Json | Json[]);
    return { name, values: Array.isArray(values) ? values : [values as Json], negated };
  });
}

function optionsOf(choice: NonNullable<WrittenDimension['choice']>, where: string): Option[] {
  const label = (value: Json) => (typeof value === 'string' ? value : JSON.stringify(value));
  const options = Array.isArray(choice)
    ? choice.map((value) => ({ label: label(value as Json), value: value as Json }))
    : Object.entries(choice).map(([name, value]) => ({ label: name, value: value as Json }));
  const twice = options.find((option, i) => options.findIndex((other) => other.label === option.label) < i);
  if (options.length === 0 || twice !== undefined) {
    throw sweepError('The values of a choice differ from each other.', {
      where,
      found: twice === undefined ? 'no value' : `${twice.label} twice`,
    });
  }
  return options;
}

/** Dimensions after those that their conditions name; otherwise as they were written, the recipe first. */
function inOrder(dimensions: readonly Dimension[], file: string): Dimension[] {
  const waiting = [...dimensions].sort((a, b) => Number(b.field === 'recipe') - Number(a.field === 'recipe'));
  const ordered: Dimension[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ when }) =>
      when.every(({ name }) => !waiting.some((other) => other.name === name || other.field === name)),
    );
    if (next < 0) {
      throw sweepError('Conditions of the space go round in a circle.', {
        where: `${file}: space`,
        found: waiting.map(({ name }) => name).join(', '),
      });
    }
    ordered.push(...waiting.splice(next, 1));
  }
  return ordered;
}

/** @throws PipelineError `sweep-invalid` for unknown fields and values that no recipe's schema holds */
function checkDimension(
  dimension: Dimension,
  all: readonly Dimension[],
  schemas: Readonly<Record<string, Recipe>>,
  file: string,
): void {
  const where = `${file}: space.${dimension.name}`;
  const labels = Object.keys(schemas);
  for (const { name, values } of dimension.when) {
    const target = all.find((other) => other.name === name || other.field === name);
    const fields = [...new Set(Object.values(schemas).flatMap(({ schema }) => leafPaths(schema)))];
    if (target === undefined && name !== 'recipe' && !fields.includes(name)) {
      const known = ['recipe', ...all.map((other) => other.name), ...fields];
      throw unknownName(
        'A condition names neither a dimension nor a field of the plan.',
        `${where}.when`,
        name,
        known,
      );
    }
    const choices =
      name === 'recipe'
        ? labels
        : target?.kind === 'choice'
          ? target.options.flatMap(({ label, value }) => [label, JSON.stringify(value)])
          : undefined;
    const strange = values.find(
      (v) => choices && !choices.includes(String(v)) && !choices.includes(JSON.stringify(v)),
    );
    if (strange !== undefined)
      throw unknownName(
        `A condition asks for a value that ${name} never has.`,
        `${where}.when.${name}`,
        String(strange),
        choices!,
      );
  }
  if (dimension.field === 'recipe') {
    const options = dimension.kind === 'choice' ? dimension.options : [];
    if (dimension.kind !== 'choice' || dimension.when.length > 0)
      throw sweepError('The recipe is a choice without conditions.', { where });
    for (const { value } of options)
      if (!labels.includes(String(value)))
        throw unknownName(
          'The space names a recipe that is not under recipes.',
          where,
          String(value),
          labels,
        );
    return;
  }
  // Fields differ between recipes; conditions on the recipe say for which ones this is.
  for (const label of labels) {
    const isFor = dimension.when
      .filter(({ name }) => name === 'recipe')
      .every(({ values, negated }) => values.includes(label) !== negated);
    if (!isFor) continue;
    const values =
      dimension.kind === 'choice'
        ? dimension.options.map(({ value }) => value)
        : [dimension.low, dimension.high];
    for (const value of values)
      checkFields({ [dimension.field]: value }, schemas[label]!, `${where}, for ${label}`);
  }
}

function checkFields(fields: Readonly<Record<string, Json>>, { schema }: Recipe, where: string): void {
  for (const [name, value] of Object.entries(fields))
    wrapped(where, () => parseFields({ [name]: JSON.stringify(value) }, schema));
}

function wrapped<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asSweepError(error, where);
  }
}

function unknownName(summary: string, where: string, name: string, known: readonly string[]) {
  const near = nearestName(name, known);
  return sweepError(summary, {
    where,
    found: name,
    ...(known.length <= 12 && { expected: known.join(', ') }),
    ...(near !== undefined && { advice: `Did you mean ${near}?` }),
  });
}

/** What the sampler needs. */
function checkDesign(spec: SweepSpec, file: string): void {
  const { sampler, budget, dimensions } = spec;
  if (sampler.name === 'grid') {
    const open = dimensions.find((dimension) => gridOf(dimension) === undefined);
    if (open !== undefined) {
      throw sweepError('A grid has to know how many values of a range to try.', {
        where: `${file}: space.${open.name}`,
        found: `${open.kind} without points`,
        expected: 'points: 3, for example',
      });
    }
    if (gridPoints(spaceOf(spec)).length > largestGrid) {
      throw sweepError('The grid is too large.', {
        where: `${file}: space`,
        found: `more than ${largestGrid} combinations`,
        advice: 'Try fewer values, or sample with latin-hypercube or tpe.',
      });
    }
    return;
  }
  if (budget.trials === undefined && budget.minutes === undefined) {
    throw sweepError('The sweep would never end.', {
      where: `${file}: budget`,
      found: 'neither trials nor minutes',
      expected: 'budget: {trials: 40}, for example',
    });
  }
  if (sampler.name === 'latin-hypercube' && budget.trials === undefined) {
    throw sweepError('A Latin hypercube is laid out for a number of trials.', {
      where: `${file}: budget`,
      expected: 'budget: {trials: 40}, for example, perhaps with minutes beside it',
    });
  }
}
