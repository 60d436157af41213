import type { CommandBus } from '@nestjs/cqrs';
import { plimsollCodec } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { transact, type AnyCommandDefinition, type EventLog, type Issued } from '#libs/event-sourcing';
import type { BacktestRunnerOptions } from '../../src/governance/backtest/backtest-runner.ts';
import { reportBacktestCommand } from '../../src/governance/backtest/report-backtest.ts';
import { cancelBacktestCommand, requestBacktestCommand } from '../../src/governance/backtest/request-backtest.ts';
import { startBacktestCommand } from '../../src/governance/backtest/start-backtest.ts';

const definitions = [
  requestBacktestCommand,
  cancelBacktestCommand,
  startBacktestCommand,
  reportBacktestCommand,
] as readonly AnyCommandDefinition[];

/** What the runner of backtests needs of a program, on a log alone: a bus with the commands of backtests and nothing else. */
export function backtestPorts(log: EventLog): BacktestRunnerOptions {
  const codec = plimsollCodec();
  const execute = async (command: Issued<object>): Promise<unknown> => {
    const definition = definitions.find(({ type }) => command instanceof type);
    if (!definition) throw new Error(`Nothing decides ${command.constructor.name}.`);
    return await transact({ log, codec }, definition, command as never);
  };
  const commands = { execute } as unknown as CommandBus;
  return { commands, aggregates: new Aggregates(log, codec), log, codec, clock: () => new Date() };
}
