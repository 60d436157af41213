import { parentPort } from 'node:worker_threads';
import { checkAll, evaluateExpression } from './evaluate.ts';
import type { Job } from './host.ts';

/** Runs apart from the program, which kills it when it does not answer in time. */
parentPort?.on('message', (job: Job) => {
  parentPort?.postMessage(job.kind === 'check' ? checkAll(job.asked) : job.expressions.map((text) => evaluateExpression(text, job.facts)));
});
parentPort?.postMessage('ready');
