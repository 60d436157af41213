// `node test/support/typescript.cjs file.ts …`: a process of its own for a spec that must kill it, compiled as Jest compiles specs.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join, resolve } = require('node:path');
const { transformSync } = require('@swc/core');
const { rootDir, transform } = require('../../jest.config.cjs');

const options = transform['\\.ts$'][1];
require.extensions['.ts'] = (module, filename) => {
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code, filename);
};

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const lib = /^#libs\/(.+)$/.exec(request)?.[1];
  return resolveFilename.call(this, lib ? join(rootDir, 'libs', lib, 'index.ts') : request, ...rest);
};

process.argv.splice(1, 1);
require(resolve(process.argv[1]));
