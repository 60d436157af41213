const { join } = require('node:path');
const base = require('../../jest.config.cjs');

module.exports = {
  ...base,
  // None of these specs needs Postgres.
  globalSetup: undefined,
  globalTeardown: undefined,
  // Stryker looks it up itself, and knows no <rootDir>.
  testEnvironment: join(__dirname, 'stop-at-first-failure.cjs'),
  setupFiles: [...base.setupFiles, '<rootDir>/test/mutation/same-examples.cjs'],
};
