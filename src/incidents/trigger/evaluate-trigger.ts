import { IsString } from 'class-validator';
import {
  METRIC_BUCKET_MS,
  metricsId,
  type EnvironmentEvent,
  type FiringEvidence,
  type MetricEvent,
  type MetricSample,
  type TriggerEvent,
} from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { trigger, type Trigger } from './trigger.ts';

export class EvaluateTrigger {
  @IsString() environment: string;
  @IsString() service: string;
  /** When the traffic was recorded: a watch that lags judges what was true then, and misses nothing. */
  @IsInstant() at: string;
}

export interface TriggerFacts {
  /** The newest deployment that ended there with success, and when. */
  readonly deployment?: { readonly deploymentId: string; readonly releaseId: string; readonly endedAt: string };
  readonly samples: readonly MetricSample[];
  /** `stream@revision` of what was read. */
  readonly inputs: readonly string[];
}

/**
 * Fires at or above the threshold over the window, once for a deployment, within its bake period; clears below `clearBelow`.
 * Too few requests are inconclusive: neither fires nor clears (principle 6). Only traffic measured after the deployment counts.
 */
export function evaluateTrigger(command: Issued<EvaluateTrigger>, state: Trigger, facts: TriggerFacts): Decision<TriggerEvent> {
  const { definition } = state;
  const { deployment } = facts;
  if (!definition || !deployment) return [];
  const at = Date.parse(command.at);
  const from = new Date(Math.max(at - definition.windowSeconds * 1000, Date.parse(deployment.endedAt))).toISOString();
  const inWindow = facts.samples.filter((s) => s.at >= from && s.at <= command.at);
  const requests = inWindow.reduce((sum, s) => sum + s.requests, 0);
  const errors = inWindow.reduce((sum, s) => sum + s.errors, 0);
  if (requests < definition.minimumRequests) return [];
  const errorRate = errors / requests;
  const evidence: FiringEvidence = { from, to: command.at, requests, errors, errorRate, inputs: facts.inputs };
  const { environment, service, threshold, action } = definition;
  const triggerId = command.target;

  if (errorRate >= threshold) {
    const baking = at <= Date.parse(deployment.endedAt) + definition.bakeSeconds * 1000;
    if (!baking || state.firedFor.includes(deployment.deploymentId)) return [];
    const { deploymentId, releaseId } = deployment;
    return [{ type: 'TriggerFired', data: { triggerId, environment, service, deploymentId, releaseId, action, threshold, evidence } }];
  }
  return state.tripped && errorRate < definition.clearBelow
    ? [{ type: 'TriggerCleared', data: { triggerId, environment, service, evidence } }]
    : [];
}

interface LastDeployment {
  readonly deployment?: { readonly deploymentId: string; readonly releaseId: string };
}

const lastDeployment: Aggregate<LastDeployment, EnvironmentEvent> = {
  category: 'environment',
  initial: {},
  evolve: (state, { type, data }) =>
    type === 'EnvironmentFreed' && data.outcome === 'succeeded'
      ? { deployment: { deploymentId: data.deploymentId, releaseId: data.releaseId } }
      : state,
};

const allSamples: Aggregate<readonly MetricSample[], MetricEvent> = {
  category: 'metrics',
  initial: [],
  evolve: (samples, { data }) => [...samples, ...data.samples],
};

async function triggerFacts(read: ReadAggregate, command: Issued<EvaluateTrigger>, { definition }: Trigger): Promise<TriggerFacts> {
  // Asked for every measurement of every service, and most have no trigger.
  if (!definition) return { samples: [], inputs: [] };
  const { at } = command;
  const earlier = new Date(Date.parse(at) - METRIC_BUCKET_MS).toISOString();
  const [environment, before, measured] = await Promise.all([
    read(lastDeployment, command.environment),
    read(allSamples, metricsId(command.environment, command.service, earlier)),
    read(allSamples, metricsId(command.environment, command.service, at)),
  ]);
  const ended = environment.events.findLast(
    (e) => e.type === 'EnvironmentFreed' && (e.data as { outcome: string }).outcome === 'succeeded',
  );
  const { deployment } = environment.state;
  return {
    ...(deployment && ended ? { deployment: { ...deployment, endedAt: ended.metadata.recordedAt } } : {}),
    samples: [...before.state, ...measured.state],
    inputs: [environment.ref, before.ref, measured.ref],
  };
}

export const evaluateTriggerCommand = defineCommand({
  type: EvaluateTrigger,
  aggregate: trigger,
  decide: evaluateTrigger,
  facts: triggerFacts,
});
