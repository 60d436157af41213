import { triggerId, type MetricEvent } from '#libs/contracts';
import { defineProcess, send } from '#libs/processes';

/**
 * Has the trigger of a service looked at whenever traffic was measured. Nothing is remembered from one measurement to the next, so each is an
 * instance of its own: a process reads its whole stream for every input, and lively traffic would have it read ever more.
 */
export const triggerWatch = defineProcess<null, MetricEvent>({
  name: 'trigger_watch',
  instance: { MetricSamplesRecorded: (e) => e.id },
  initial: null,
  evolve: (state) => state,
  react: (_state, input) => {
    if (input.type !== 'MetricSamplesRecorded') return [];
    const { environment, service } = input.data;
    return [
      send('EvaluateTrigger', triggerId(environment, service, 'http.error_rate'), {
        environment,
        service,
        at: input.metadata.recordedAt,
      }),
    ];
  },
});
