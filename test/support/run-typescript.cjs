// Runs a TypeScript program of this repository in a process of its own, as the specs themselves run: through swc, without a build.
// node test/support/run-typescript.cjs <program.ts> [argument …]
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join, resolve } = require('node:path');
const { transformSync } = require('@swc/core');

const root = resolve(__dirname, '../..');
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

Module._extensions['.ts'] = (module, filename) => {
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...typescript, filename }).code, filename);
};

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  if (request.startsWith('#libs/')) return join(root, 'libs', request.slice('#libs/'.length), 'index.ts');
  // Its package names no entrance for `require`.
  if (request === 'canonicalize') return join(root, 'node_modules/canonicalize/lib/canonicalize.js');
  return resolveFilename.call(this, request, ...rest);
};

// The program finds its own arguments where it would without this script.
process.argv.splice(1, 1);
require(resolve(process.argv[1]));
