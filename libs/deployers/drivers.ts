import type { StepOutcome, StepRun } from './driver.ts';
import { execDriver, type ExecDriverConfig } from './exec-driver.ts';
import { httpDriver, type HttpDriverConfig } from './http-driver.ts';
import { notTaken } from './step-log.ts';

export interface DriversConfig {
  readonly exec?: ExecDriverConfig;
  readonly http?: HttpDriverConfig;
}

export interface Drivers {
  readonly names: readonly string[];
  /** Takes a step by the driver of that name. A name that is not configured is a failed step with a sentence, not an exception. */
  run(driver: string, step: StepRun, signal: AbortSignal): Promise<StepOutcome>;
}

/** The drivers that the configuration names, and no others. */
export function drivers(config: DriversConfig): Drivers {
  const byName = new Map(
    [...(config.exec ? [execDriver(config.exec)] : []), ...(config.http ? [httpDriver(config.http)] : [])].map((driver) => [
      driver.name,
      driver,
    ]),
  );
  const names = [...byName.keys()];
  return {
    names,
    async run(name, step, signal) {
      const driver = byName.get(name);
      if (!driver)
        return notTaken(`No driver "${name}" is configured; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ') || 'none'}.`);
      return driver.run(step, signal);
    },
  };
}
