import type { MetricEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { metrics, recordMetricSamples, RecordMetricSamples } from './record-metric-samples.ts';

const series = scenario(metrics);
const none = { before: metrics.initial };
const sample = (second: number, requests = 10, errors = 0) => ({
  at: `2026-03-02T09:59:${String(second).padStart(2, '0')}.000Z`,
  seconds: 1,
  requests,
  errors,
});
const record = (...samples: ReturnType<typeof sample>[]) =>
  issued(RecordMetricSamples, { environment: 'production', service: 'api', source: 'proxy', samples });
const recorded = (...samples: ReturnType<typeof sample>[]): MetricEvent => ({
  type: 'MetricSamplesRecorded',
  data: { environment: 'production', service: 'api', source: 'proxy', samples },
});

describe('metric samples', () => {
  it('are recorded as measured', () => {
    series
      .given()
      .when(recordMetricSamples, record(sample(1), sample(2)), none)
      .then(recorded(sample(1), sample(2)));
  });

  it('are recorded once: what a source sends again is dropped, what is new with it is kept', () => {
    series
      .given(recorded(sample(1), sample(2)))
      .when(recordMetricSamples, record(sample(1), sample(2)), none)
      .thenNothing();
    series
      .given(recorded(sample(1), sample(2)))
      .when(recordMetricSamples, record(sample(2), sample(3)), none)
      .then(recorded(sample(3)));
  });

  it('are recorded once also across the edge of two streams', () => {
    series
      .given()
      .when(recordMetricSamples, record(sample(1), sample(2)), { before: { newest: { proxy: sample(1).at } } })
      .then(recorded(sample(2)));
  });

  it('are refused when they can not be true', () => {
    series
      .given()
      .when(recordMetricSamples, record(sample(1, 3, 4)), none)
      .thenRefused('errors-exceed-requests');
    series
      .given()
      .when(recordMetricSamples, record({ ...sample(1), at: '2026-03-02T10:01:00.001Z' }), none)
      .thenRefused('sample-in-future');
  });
});
