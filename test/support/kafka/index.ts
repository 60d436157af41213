export { startKafka, type RunningKafka } from './start-kafka.ts';
