export { describeWithKafka, startKafka, type KafkaChoice, type RunningKafka } from './start-kafka.ts';
