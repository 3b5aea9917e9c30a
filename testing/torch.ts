import { runPython } from './python.ts';

export interface TorchRequest {
  /** Python over the inputs x[0], x[1], ..., with torch and F = torch.nn.functional at hand. */
  readonly expression: string;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[];
  /** Each element of the result is weighed by its own number, and the sum differentiated. */
  readonly weights: readonly number[];
}

export interface TorchResult {
  readonly shape: readonly number[];
  readonly value: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

const script = `
import json, sys, torch
import torch.nn.functional as F
results = []
for case in json.load(sys.stdin):
    x = [torch.tensor(i['values'], dtype=torch.float64).reshape(i['shape']).requires_grad_() for i in case['inputs']]
    y = eval(case['expression'])
    loss = (y * torch.tensor(case['weights'], dtype=torch.float64).reshape(y.shape)).sum()
    gradients = torch.autograd.grad(loss, x)
    results.append({
        'shape': list(y.shape),
        'value': y.detach().flatten().tolist(),
        'gradients': [g.flatten().tolist() for g in gradients],
    })
print(json.dumps(results))
`;

/** Values and gradients of PyTorch (Debian's python3-torch), in float64. */
export function runTorch(requests: readonly TorchRequest[]): readonly TorchResult[] {
  return runPython(script, requests);
}
