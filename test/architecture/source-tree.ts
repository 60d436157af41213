import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import ts from 'typescript';

/** A file of the project, by its path from the top with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.plimsoll']);

/** Every file that is ours under a folder: nothing installed, built or kept by a running Plimsoll. */
export function readTree(root: string, folder = root): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : readTree(root, path);
    // In a worktree, .git is a file.
    if (!entry.isFile() || NOT_OURS.has(entry.name) || entry.name.endsWith('.log')) return [];
    return [{ path: relative(root, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }];
  });
}

/** A made-up tree from one text: a line `=== path` begins each file. Fixtures are written so, for no tool to trip over them. */
export function parseTree(text: string): SourceFile[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const [path = '', ...lines] = part.split('\n');
      return { path: path.trim(), text: lines.join('\n') };
    });
}

const importCache = new WeakMap<SourceFile, readonly string[]>();

/** What a TypeScript file imports, re-exports or requires, as written. */
export function importsOf(file: SourceFile): readonly string[] {
  let imports = importCache.get(file);
  if (!imports) {
    imports = ts.preProcessFile(file.text, true, true).importedFiles.map((f) => f.fileName);
    importCache.set(file, imports);
  }
  return imports;
}

/** The names that a file imports from a package. */
export function namesImportedFrom(file: SourceFile, specifier: string): readonly string[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || (statement.moduleSpecifier as ts.StringLiteral).text !== specifier) return [];
    const bindings = statement.importClause?.namedBindings;
    return bindings && ts.isNamedImports(bindings) ? bindings.elements.map((e) => (e.propertyName ?? e.name).text) : ['*'];
  });
}

export function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
}

/** The path that a relative import leads to; undefined for anything else. */
export function relativeTarget(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.normalize(posix.join(dirname(file.path), specifier)) : undefined;
}

/** `pg` of `pg`, `@scope/name` of `@scope/name/deep`; undefined for relative, `#libs` and `node:` imports. */
export function packageOf(specifier: string): string | undefined {
  if (/^(?:[.#/]|node:)/.test(specifier)) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
