import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * Typed rules where the product is; specs and tests are checked without types, which keeps lint quick.
 * Which module may import which is proved by test/architecture, where a failing fixture stands beside each rule.
 */
export default defineConfig(
  globalIgnores(['dist/', 'coverage/', '.plimsoll/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    // Nest reads constructor parameters at run time: an import that looks like a type only may not be one.
    languageOptions: { parserOptions: { emitDecoratorMetadata: true, experimentalDecorators: true } },
    rules: {
      // A leading underscore says that a parameter or member is left out on purpose.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['src/**/*.ts', 'libs/**/*.ts', 'migrations/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/testing/**'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Ports are asynchronous; an adapter that has nothing to wait for still is one.
      '@typescript-eslint/require-await': 'off',
      // Options, payloads and signals are taken apart where they come in; none of ours uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      // What was caught is passed on as it is; a literal is still no error.
      '@typescript-eslint/only-throw-error': 'off',
      'no-throw-literal': 'error',
      // Takes every value that came in as `unknown` for an object.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    // What a person starts at a terminal speaks to the terminal; a skipped test says so aloud.
    files: ['**/*.main.ts', '**/*.spec.ts', '**/*.bench.ts', 'deploy/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        'process console setTimeout clearTimeout setInterval clearInterval fetch AbortSignal AbortController URL Buffer require module __dirname performance Response'
          .split(' ')
          .map((name) => [name, 'readonly']),
      ),
    },
  },
);
