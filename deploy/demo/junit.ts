import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Really runs the tests of a package version (`service.test.mjs`) and gives the JUnit report that Node's own test runner wrote. */
export function testReport(alias: string): string {
  const test = fileURLToPath(new URL('../../../deploy/demo/service.test.mjs', import.meta.url));
  return execFileSync(process.execPath, ['--test', '--test-reporter=junit', test], {
    env: { PATH: process.env.PATH ?? '', PLIMSOLL_DEMO_PACKAGE: alias },
    encoding: 'utf8',
    timeout: 60_000,
  });
}
