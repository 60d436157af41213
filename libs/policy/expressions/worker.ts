import { parentPort } from 'node:worker_threads';
import { checkAll, evaluateExpression, type CheckAsked } from './evaluate.ts';
import type { FactValues } from './facts.ts';

export type Job =
  | { readonly kind: 'evaluate'; readonly expressions: readonly string[]; readonly facts: FactValues }
  | { readonly kind: 'check'; readonly asked: CheckAsked };

/** Runs apart from the program, which kills it when it does not answer in time. */
parentPort?.on('message', (job: Job) => {
  parentPort?.postMessage(job.kind === 'check' ? checkAll(job.asked) : job.expressions.map((text) => evaluateExpression(text, job.facts)));
});
parentPort?.postMessage('ready');
