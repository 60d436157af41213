export { describeWithKafka, skipAloud, startKafka, type RunningKafka } from './start-kafka.ts';
