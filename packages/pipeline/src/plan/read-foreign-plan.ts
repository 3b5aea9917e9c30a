import { PipelineError } from '../errors/pipeline-error.ts';
import { type ForeignPlan, foreignPlanKind, foreignPlanSchema, foreignPlanVersion } from './foreign-plan.ts';
import { describeIssues } from './plan-problems.ts';

const advice = 'See docs/how-to/run-a-foreign-onnx-model.md.';

/**
 * Parses the text of a plan for a foreign network and fills in its defaults.
 * @param where the file that errors name
 * @throws PipelineError `plan-version` for another version, `plan-invalid` with every fault in plain words
 */
export function parseForeignPlan(text: string, where: string): ForeignPlan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new PipelineError('plan-invalid', 'The plan is no JSON.', {
      where,
      found: (error as Error).message,
      expected: 'the JSON text of a plan for a foreign network',
      advice,
      cause: error,
    });
  }
  const { kind, version, training } = (json ?? {}) as Record<string, unknown>;
  if (kind !== foreignPlanKind) {
    const isOurs = kind === undefined && training !== undefined;
    throw new PipelineError('plan-invalid', 'This is no plan for a foreign network.', {
      where,
      found: isOurs ? 'the plan of a Glisson training' : `kind ${JSON.stringify(kind) ?? 'missing'}`,
      expected: `"kind": "${foreignPlanKind}"`,
      advice: isOurs ? 'A model of glisson train holds its plan: give --model RUN, and no --plan.' : advice,
    });
  }
  if (version !== foreignPlanVersion) {
    throw new PipelineError('plan-version', 'The plan has another version than this Glisson reads.', {
      where,
      found: version === undefined ? 'no version' : `version ${JSON.stringify(version)}`,
      expected: `version ${foreignPlanVersion}`,
      advice,
    });
  }
  const result = foreignPlanSchema.safeParse(json);
  const problems = result.success
    ? findContradictions(result.data)
    : describeIssues(result.error.issues, json, foreignPlanSchema).map(explainLayout);
  if (!result.success || problems.length > 0) {
    throw new PipelineError('plan-invalid', 'The plan has faults.', {
      where,
      found: problems.join('; '),
      expected: `a plan of version ${foreignPlanVersion}`,
      advice,
    });
  }
  return result.data;
}

function explainLayout(problem: string): string {
  return /^(input|output)\.layout is "\w*D\w*"/.test(problem)
    ? `${problem} (networks of slices; those of 3-D patches cannot be run)`
    : problem;
}

/** What the schema cannot say: fields that must fit each other. One plain sentence for each fault. */
function findContradictions({ input, tile, output }: ForeignPlan): string[] {
  const problems: string[] = [];
  const require = (holds: boolean, problem: () => string) => {
    if (!holds) problems.push(problem());
  };
  const isUpright = (side: string) => side === 'P' || side === 'A';
  require(isUpright(input.rows) !== isUpright(input.columns), () =>
    `input.rows is ${input.rows} and input.columns is ${input.columns}, expected one of P or A and one of L or R`);
  for (const [index, { windowHU, scaleTo }] of input.channels.entries()) {
    require(windowHU[0] < windowHU[1], () =>
      `input.channels[${index}].windowHU is ${windowHU.join(' to ')}, expected the lower end first`);
    require(scaleTo === null || scaleTo[0] !== scaleTo[1], () =>
      `input.channels[${index}].scaleTo is ${scaleTo?.join(' to ')}, expected two different numbers`);
  }
  require(input.spacingMm === null || input.sliceSizePx === null, () =>
    'input.spacingMm and input.sliceSizePx are both given, expected one of them to be null');
  const { multipleOf, size } = tile;
  require(multipleOf === null || size.every((n) => n % multipleOf === 0), () =>
    `tile.size is ${size.join(' x ')}, expected multiples of tile.multipleOf, ${multipleOf}`);
  for (const problem of findLabelProblems(output)) problems.push(problem);
  return problems;
}

function findLabelProblems({ labels, activation, layout }: ForeignPlan['output']): string[] {
  const problems: string[] = [];
  const values = labels.map(({ value }) => value);
  const has = (meaning: string) => labels.some((label) => label.meaning === meaning);
  if (activation === 'labels') {
    if (new Set(values).size < values.length) {
      problems.push(`output.labels has the values ${values.join(', ')}, expected each once`);
    }
  } else if (values.some((value, index) => value !== index)) {
    problems.push(
      `output.labels has the values ${values.join(', ')}, expected one entry for each channel: 0, 1, 2 and so on in order`,
    );
  }
  if (!has('liver') && !has('whole-liver')) {
    problems.push('output.labels names no liver, expected one: lesions are reported within a liver');
  }
  if (has('liver') && has('whole-liver')) {
    problems.push('output.labels names both liver and whole-liver, expected one of them');
  }
  if (activation === 'softmax' && labels.length === 1) {
    problems.push('output.activation is softmax of a single channel, which is always 1, expected sigmoid');
  }
  if (layout === 'NHW' && activation !== 'labels' && labels.length !== 1) {
    problems.push(`output.layout NHW has no axis for the ${labels.length} channels of output.labels`);
  }
  return problems;
}
