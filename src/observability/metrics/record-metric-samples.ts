import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { METRIC_BUCKET_MS, metricsId, type MetricEvent, type MetricSample } from '#libs/contracts';
import { defineCommand, own, refuse, type Aggregate, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';

/** How far into the future a sample may claim to be, milliseconds: clocks differ, but not by more than this. */
export const FUTURE_TOLERANCE_MS = 60_000;

/** Measured traffic of a service in an environment. */
export interface Metrics {
  /** `source at` of the newest sample of every source. */
  readonly newest: Readonly<Record<string, string>>;
}

export const metrics: Aggregate<Metrics, MetricEvent> = {
  category: 'metrics',
  initial: { newest: {} },
  evolve: (state, { data }) => ({
    newest: {
      ...state.newest,
      [data.source]: data.samples.reduce((max, s) => (s.at > max ? s.at : max), own(state.newest, data.source) ?? ''),
    },
  }),
};

export class MetricSampleField implements MetricSample {
  @IsInstant({ utc: true }) at: string;
  @IsNumber() @Min(0.001) @Max(3600) seconds: number;
  @IsInt() @Min(0) requests: number;
  @IsInt() @Min(0) errors: number;
  @IsOptional() @IsNumber({ allowNaN: false, allowInfinity: false }) @Min(0) latencyP95Ms?: number;
  @IsOptional() @IsString() @MaxLength(200) digest?: string;
}

export class RecordMetricSamples {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/, { message: 'service must be a name of at most 100 characters' }) service: string;
  @IsString() @MaxLength(200) source: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(600)
  @ValidateNested({ each: true })
  @Type(() => MetricSampleField)
  samples: readonly MetricSampleField[];
}

export interface MetricFacts {
  /** The stream of the ten minutes before. */
  readonly before: Metrics;
}

/** Takes samples that a source has not sent before: a source sends in the order of time, so a repeat is not newer than its newest. */
export function recordMetricSamples(command: Issued<RecordMetricSamples>, state: Metrics, facts: MetricFacts): Decision<MetricEvent> {
  const { environment, service, source, meta } = command;
  const given = JSON.parse(JSON.stringify(command.samples)) as MetricSample[];
  // One form of time, so that text compares as time does.
  const samples = given.map((s) => ({ ...s, at: new Date(s.at).toISOString() }));
  const impossible = samples.find((s) => s.errors > s.requests);
  if (impossible)
    return refuse(
      'meaning',
      'errors-exceed-requests',
      `At ${impossible.at}, ${impossible.errors} of ${impossible.requests} requests failed: that can't be.`,
    );
  const future = samples.find((s) => Date.parse(s.at) > Date.parse(meta.now) + FUTURE_TOLERANCE_MS);
  if (future) return refuse('meaning', 'sample-in-future', `${future.at} lies more than a minute in the future; it is ${meta.now} here.`);
  const newest = own(state.newest, source) ?? own(facts.before.newest, source) ?? '';
  const fresh = samples.filter((s) => s.at > newest);
  return fresh.length === 0 ? [] : [{ type: 'MetricSamplesRecorded', data: { environment, service, source, samples: fresh } }];
}

export const recordMetricSamplesCommand = defineCommand({
  type: RecordMetricSamples,
  aggregate: metrics,
  decide: recordMetricSamples,
  facts: async (read, { environment, service, meta }): Promise<MetricFacts> => {
    const before = new Date(Date.parse(meta.now) - METRIC_BUCKET_MS).toISOString();
    return { before: (await read(metrics, metricsId(environment, service, before))).state };
  },
});
