const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** Names of installed ESM-only packages, hoisted and nested: Jest on Node 20 can't require() them, so swc lowers them to CommonJS. */
function esmPackages(dir = join(__dirname, 'node_modules'), found = new Set()) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const names = entry.name.startsWith('@') ? readdirSync(join(dir, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name];
    for (const name of names) {
      try {
        const manifest = JSON.parse(readFileSync(join(dir, name, 'package.json'), 'utf8'));
        if (manifest.type === 'module') found.add(name);
        esmPackages(join(dir, name, 'node_modules'), found);
      } catch {
        // not a package, or one without nested packages
      }
    }
  }
  return found;
}

const typescript = {
  sourceMaps: 'inline',
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
};
const javascript = { ...typescript, sourceMaps: false, jsc: { target: 'es2023', parser: { syntax: 'ecmascript' } } };

module.exports = {
  rootDir: __dirname,
  testEnvironment: 'node',
  setupFiles: ['reflect-metadata'],
  testMatch: ['<rootDir>/(src|libs|deploy|test)/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  moduleNameMapper: {
    '^#libs/(.*)$': '<rootDir>/libs/$1/index.ts',
    '^canonicalize$': '<rootDir>/node_modules/canonicalize/lib/canonicalize.js',
  },
  transform: { '\\.ts$': ['@swc/jest', typescript], '\\.m?js$': ['@swc/jest', javascript] },
  transformIgnorePatterns: [`/node_modules/(?!(?:.+/node_modules/)?(?:${[...esmPackages()].join('|')})/)`],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  maxWorkers: 2,
  // A bound on what hangs, not a measure of speed: machines are shared.
  testTimeout: 60_000,
};
