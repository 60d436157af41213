const { TestEnvironment } = require('jest-environment-node');

/** The mutant that a test noticed last: all files run in one process, each with an environment of its own. */
let noticed;

/** One test that notices is enough to know: the others need not run. */
module.exports = class StopAtFirstFailure extends TestEnvironment {
  async handleTestEvent({ name, test }) {
    const mutant = process.env.__STRYKER_ACTIVE_MUTANT__;
    if (mutant === undefined) return;
    if (name === 'test_done' && test.errors.length > 0) noticed = mutant;
    if (name === 'test_start' && noticed === mutant) test.mode = 'skip';
  }
};
