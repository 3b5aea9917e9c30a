import { Option } from 'commander';
import type { Verb } from '../verb.ts';

interface EvaluateOptions {
  readonly reference: string;
  readonly prediction: string;
}

export const evaluate: Verb<EvaluateOptions> = {
  name: 'evaluate',
  summary: 'Score masks against the truth: Dice, IoU and volumes of liver and lesions',
  description:
    'Takes two labelmaps or two folders of them. Liver is every label from 1, lesion is label 2. ' +
    'Where reference and prediction are both empty, Dice is 1; where only one is, it is 0.',
  options: [
    new Option('--reference <path>', 'labelmap or folder that is right').makeOptionMandatory(),
    new Option('--prediction <path>', 'labelmap or folder to score').makeOptionMandatory(),
  ],
  examples: [
    {
      command: 'glisson evaluate --reference truth.nii.gz --prediction result/labels.nii.gz',
      meaning: 'one pair',
    },
    {
      command: 'glisson evaluate --reference phantoms --prediction results --json',
      meaning: 'two folders, for a program',
    },
  ],
  async run(_args, { reference, prediction }, { control }) {
    const { evaluatePaths } = await import('@glisson/pipeline/evaluate/evaluate-pairs');
    const { evaluationText } = await import('@glisson/pipeline/evaluate/evaluation-text');
    const evaluation = await evaluatePaths(reference, prediction, control);
    return {
      json: evaluation,
      text: evaluationText(evaluation),
      exitCode: evaluation.problems.length > 0 ? 1 : 0,
    };
  },
};
