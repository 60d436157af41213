// What may be started, and how: from the configuration, never from a step's input.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishedPackage } from './published-package.mjs';
import { StepError } from './step.mjs';

/** The folder above `deploy`: relative paths of the configuration begin there. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));
const agent = fileURLToPath(new URL('./service-agent.mjs', import.meta.url));

/**
 * How a service's package is run.
 * @param {{ service: string, package: string, digest: string, fault?: { share: number, afterRequests?: number } }} input
 * @returns {{ args: (port: number) => string[], env: Record<string, string> }}
 * @throws {StepError} where it is not configured, or the package is not the one that was decided on
 */
export function launcherOf(input) {
  const services = JSON.parse(readFileSync(process.env.PLIMSOLL_STEPS_SERVICES ?? join(root, 'deploy/demo/services.json'), 'utf8'));
  const service = Object.hasOwn(services, input.service) ? services[input.service] : undefined;
  if (!service) throw new StepError(`The service "${input.service}" is not configured.`);
  if (!service.packages.includes(input.package))
    throw new StepError(`The service "${input.service}" is not run from the package "${input.package}".`);
  const published = publishedPackage(input.package);
  if (published.digest !== input.digest) {
    throw new StepError(`The package ${input.package} that is installed here has the digest ${published.digest}, not ${input.digest}.`);
  }
  const fault = faultOf(input, service);
  const program = join(root, 'node_modules', input.package, service.program);
  return {
    args: (port) => [
      ...fault.args,
      '--import', // last, so that it also marks the answers of a fault
      agent,
      program,
      ...service.arguments.map((argument) => argument.replaceAll('{port}', String(port))),
    ],
    env: { ...fault.env, PLIMSOLL_PACKAGE: input.package },
  };
}

function faultOf(input, service) {
  if (input.fault === undefined) return { args: [], env: {} };
  if (service.faults === undefined) throw new StepError(`The service "${input.service}" is not one that is broken on purpose.`);
  const { share, afterRequests = 0 } = input.fault;
  if (!(share >= 0 && share <= 1) || !(Number.isSafeInteger(afterRequests) && afterRequests >= 0)) {
    throw new StepError('A fault has a share from 0 to 1 and begins after a whole number of requests.');
  }
  return {
    args: ['--import', join(root, service.faults)],
    env: { PLIMSOLL_FAULT_SHARE: String(share), PLIMSOLL_FAULT_AFTER_REQUESTS: String(afterRequests) },
  };
}
