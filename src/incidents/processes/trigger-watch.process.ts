import { triggerId, type MetricEvent } from '#libs/contracts';
import { idOf } from '#libs/event-sourcing';
import { defineProcess, send } from '#libs/processes';

/** Has the trigger of a service looked at whenever traffic was measured. Its instances are the ten-minute streams of samples, so that each stays small. */
export const triggerWatch = defineProcess<null, MetricEvent>({
  name: 'trigger_watch',
  instance: { MetricSamplesRecorded: (e) => idOf(e.stream) },
  initial: null,
  evolve: (state) => state,
  react: (_state, input) => {
    if (input.type !== 'MetricSamplesRecorded') return [];
    const { environment, service } = input.data;
    return [send('EvaluateTrigger', triggerId(environment, service, 'http.error_rate'), { environment, service })];
  },
});
